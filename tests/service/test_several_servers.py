"""Two servers over one folder and one PostgreSQL database: killed, replaced one by one, and without their database."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress

import httpx
import pytest

from index.jobs.reindex import reindex
from index.progress import Unwatched
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.audit import Audit
from service.app.publications import publication_record
from service.tables import open_service_database
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.service.conftest import make_workspace
from tests.service.running import in_a_process

pytestmark = [pytest.mark.databases("postgres"), pytest.mark.slow]

CLIENTS = 8
PRODUCTS = 12


@pytest.fixture(scope="module")
def workspace(databases, tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("several"), searches_a_minute=0)


def headers_of_an_investigator(workspace):
    """Headers of a new account's token."""
    with closing(open_service_database(workspace)) as database:
        accounts = Accounts(database)
        accounts.add("ines", Role.INVESTIGATOR, "a long enough password")
        return {"Authorization": f"Bearer {accounts.issue('ines', ('read', 'search'), 1)[1]}"}


def pictures_of(workspace):
    """The pictures of the workspace's products."""
    folder = workspace.root.parent / "luma" / "pictures"
    return [(folder / f"{number}.png").read_bytes() for number in range(PRODUCTS)]


@pytest.fixture(scope="module")
def headers(workspace):
    return headers_of_an_investigator(workspace)


@pytest.fixture(scope="module")
def pictures(workspace):
    return pictures_of(workspace)


class Balancer:
    """The servers that said that they are ready, as a load balancer keeps them: asked five times a second."""

    def __init__(self):
        self.ready, self._known, self._stop = [], set(), threading.Event()
        self._polling = threading.Thread(target=self._poll)

    def __enter__(self):
        self._polling.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._polling.join()

    def add(self, address):
        self._known.add(address)
        deadline = time.monotonic() + 60
        while address not in self.ready:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def remove(self, address):
        self._known.discard(address)

    def _poll(self):
        with httpx.Client(timeout=30) as http:
            while not self._stop.wait(0.2):
                ready = []
                for address in sorted(self._known):
                    with suppress(httpx.TransportError):
                        if http.get(f"{address}/readyz", params={"stale": "pass"}).status_code == 200:
                            ready.append(address)
                self.ready = ready


class Crowd:
    """Clients that search without a pause; what each got is in `answers`, what failed in `failures`."""

    def __init__(self, balancer, pictures, headers):
        self._balancer, self._pictures, self._headers = balancer, pictures, headers
        self.answers, self.failures, self._stop = [], [], threading.Event()
        self._threads = [threading.Thread(target=self._search, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more):
        """Return when so many more searches were answered."""
        wanted, deadline = len(self.answers) + more, time.monotonic() + 240
        while len(self.answers) < wanted:
            assert time.monotonic() < deadline, self.failures[-3:]
            time.sleep(0.05)

    def _search(self, client):
        with httpx.Client(headers=self._headers, timeout=60) as http:
            for number in itertools.count(client):
                if self._stop.is_set():
                    return
                if not (ready := self._balancer.ready):
                    time.sleep(0.05)
                    continue
                address, wanted = ready[number % len(ready)], number % PRODUCTS
                try:
                    files = {"image": self._pictures[wanted]}
                    answer = http.post(f"{address}/v1/search", files=files, data={"rerank": "false"})
                except httpx.TransportError as error:
                    self.failures.append(error)
                    continue
                if answer.status_code == 200:
                    self.answers.append((address, wanted, answer.json()))
                else:
                    self.failures.append(answer)


@contextmanager
def server(workspace, folder, drain_seconds=0.0, numbers=itertools.count()):  # noqa: B008
    with in_a_process(workspace.root, folder / f"errors-{next(numbers)}", drain_seconds) as running:
        yield running


def audited(workspace):
    """The query ids of all recorded searches, and the generations that became live; the chain is whole."""
    with closing(open_service_database(workspace)) as database:
        audit = Audit(database)
        audit.verify()
        records = list(audit.records())
    searches = [record["query_id"] for record in records if record["kind"] == "search"]
    return searches, [record["generation"] for record in records if record["kind"] == "generation"]


def check_answers(workspace, crowd):
    """Each answer is right, and in the audit, once."""
    for _, wanted, answer in crowd.answers:
        first = answer["candidates"][0]
        assert (first["product_id"], first["source"]) == (f"A/{wanted}", "luma")
    recorded = Counter(audited(workspace)[0])
    assert {recorded[answer["query_id"]] for _, _, answer in crowd.answers} == {1}


def test_generations_are_published_and_a_server_is_killed(workspace, headers, pictures, tmp_path):
    with ExitStack() as open_servers, Balancer() as balancer:
        stack = open_servers.enter_context(ExitStack())
        process, first = stack.enter_context(server(workspace, tmp_path))
        _, second = open_servers.enter_context(server(workspace, tmp_path))
        balancer.add(first)
        balancer.add(second)
        with Crowd(balancer, pictures, headers) as crowd, closing(open_service_database(workspace)) as database:
            record = publication_record(Audit(database), "reindex")
            for night in range(3):
                feed = write_feed(tmp_path / f"new-{night}", [{"product_id": f"new-{night}"}], [500 + night])
                add_feed(workspace, f"new-{night}", "catalogue", feed)
                report = reindex(workspace, ColourEncoder(), Unwatched(), record_publication=record)
                assert report.published
                crowd.wait_for(8)
                if night == 1:
                    process.kill()
                    crowd.wait_for(8)
                    balancer.remove(first)
                    balancer.add(open_servers.enter_context(server(workspace, tmp_path))[1])
            deadline = time.monotonic() + 60
            while {answer["generation"] for _, _, answer in crowd.answers[-10:]} != {4}:
                assert time.monotonic() < deadline
                crowd.wait_for(10)
        check_answers(workspace, crowd)
        assert {answer["generation"] for _, _, answer in crowd.answers} <= {1, 2, 3, 4}
        for address in {address for address, _, _ in crowd.answers}:
            seen = [answer["generation"] for at, _, answer in crowd.answers if at == address]
            assert seen[-1] == (4 if address != first else seen[-1])
        # Requests to the killed server broke off; nothing else failed.
        assert all(isinstance(failure, httpx.TransportError) for failure in crowd.failures), crowd.failures
        assert audited(workspace)[1] == [2, 3, 4]


def test_a_rolling_restart_loses_no_request(workspace, headers, pictures, tmp_path):
    with ExitStack() as servers, Balancer() as balancer:
        running = [servers.enter_context(server(workspace, tmp_path, 2.0)) for _ in range(2)]
        for _, address in running:
            balancer.add(address)
        with Crowd(balancer, pictures, headers) as crowd:
            crowd.wait_for(8)
            for process, address in running:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
                balancer.remove(address)
                balancer.add(servers.enter_context(server(workspace, tmp_path, 2.0))[1])
                crowd.wait_for(8)
        assert crowd.failures == []
        check_answers(workspace, crowd)
        assert len({address for address, _, _ in crowd.answers}) == 4


def test_while_the_database_is_down_it_says_when_to_try_again_and_recovers(
    workspace, headers, pictures, tmp_path, postgres_server
):
    with server(workspace, tmp_path) as (_, address), httpx.Client(base_url=address, timeout=60) as http:

        def search():
            return http.post("/v1/search", files={"image": pictures[3]}, headers=headers)

        session = {"Cookie": "session=x"}
        assert search().status_code == 200
        postgres_server.stop()
        try:
            for answer in (search(), http.get("/readyz"), http.get("/workbench", headers=session)):
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) > 0
                assert str(postgres_server.folder) not in answer.text
            assert http.get("/healthz", headers=session).status_code == 200
        finally:
            postgres_server.start()
        deadline = time.monotonic() + 30
        while http.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert search().json()["candidates"][0]["product_id"] == "A/3"
        audited(workspace)


def test_a_session_of_one_server_is_one_of_the_other(workspace, headers, tmp_path):
    with server(workspace, tmp_path) as (_, first), server(workspace, tmp_path) as (_, second):
        form = {"name": (None, "ines"), "password": (None, "a long enough password")}
        own_page = {"Sec-Fetch-Site": "same-origin"}
        session = httpx.post(f"{first}/sign-in", files=form, headers=own_page).cookies["session"]
        cookies = {"Cookie": f"session={session}"}
        assert httpx.get(f"{second}/workbench", headers=cookies).status_code == 200
        httpx.post(f"{second}/sign-out", headers=cookies | own_page)
        assert httpx.get(f"{first}/workbench", headers=cookies).status_code == 303
