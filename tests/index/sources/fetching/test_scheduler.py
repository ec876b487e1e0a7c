"""Hosts take turns: a slow one holds nobody else up, however many of its pictures a feed lists first."""

import threading
from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.entries import EntryFields
from index.sources.acquire import acquire
from index.sources.fetching.fetch import fetch_all
from index.sources.fetching.outcomes import FetchLimits, FetchRefused, Request
from index.sources.fetching.scheduler import FairScheduler
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from tests.index.sources.fetching.hostile_server import HostileServer, answer

AGENT = "traceobject/0.1 (+https://example.org/crawler)"
AHEAD = 8


def urls(**hosts):
    """So many URLs of each host, in blocks, as feeds list them."""
    return [f"https://{host}/{n}.jpg" for host, count in hosts.items() for n in range(count)]


def host(url):
    return url.split("/")[2]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=40), st.integers(1, 9), st.randoms())
def test_every_url_comes_once_and_a_hosts_own_in_their_order(hosts, ahead, random):
    asked = [f"https://{name}/{n}" for n, name in enumerate(hosts)]
    turns, given_, open_ = FairScheduler(asked), [], []
    while (url := next(turns, None)) is not None:
        given_.append(url)
        open_.append(url)
        if len(open_) == ahead:
            turns.answered(open_.pop(random.randrange(ahead)))
    assert sorted(given_) == sorted(asked)
    for name in "abcd":
        assert [url for url in given_ if host(url) == name] == [url for url in asked if host(url) == name]


def test_hosts_that_never_answer_alternate():
    turns = FairScheduler(urls(a=100, b=100, c=100))
    assert Counter(host(next(turns)) for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


def test_a_host_that_never_answers_takes_its_share_and_no_more():
    turns, open_ = FairScheduler(urls(slow=100, quick=40)), []
    for _ in range(40 + AHEAD // 2):
        open_.append(next(turns))
        if len(open_) == AHEAD:
            quick = next(url for url in open_ if host(url) == "quick")
            open_.remove(quick)
            turns.answered(quick)
    assert Counter(map(host, open_))["slow"] <= AHEAD // 2 + 1
    assert {host(next(turns)) for _ in range(10)} == {"slow"}


def test_an_invalid_url_is_scheduled_too():
    assert sorted(FairScheduler(["", "nonsense", "http://", "//", "HTTP://A/x"])) == [
        "",
        "//",
        "HTTP://A/x",
        "http://",
        "nonsense",
    ]


def test_a_silent_server_does_not_delay_another(tmp_path):
    """The silent one answers when all of the other's pictures were had: never, if it could hold them up."""
    had, all_had = [], threading.Event()
    with HostileServer() as slow, HostileServer() as quick:

        def wait(connection, request):
            assert all_had.wait(60)
            return answer(404)(connection, request)

        slow.routes |= {f"/{n}.jpg": wait for n in range(3 * AHEAD)}
        listed = [f"http://127.0.0.1:{slow.port}/{n}.jpg" for n in range(3 * AHEAD)]
        listed += [f"http://localhost:{quick.port}/{n}.jpg" for n in range(3 * AHEAD)]
        limits = FetchLimits(lookahead=AHEAD, delay=0.0, seconds=60.0, per_host=2)
        allowed = frozenset({f"127.0.0.1:{slow.port}", f"localhost:{quick.port}"})

        def fetch(requests):
            for outcome in fetch_all(requests, user_agent=AGENT, limits=limits, allow_hosts=allowed):
                if "localhost" in outcome.request.url:
                    had.append(outcome.request.url)
                if len(had) == 3 * AHEAD:
                    all_had.set()
                yield outcome

        with Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite'}") as catalogue:
            source = catalogue.begin_reading(catalogue.add_source("shop", "catalogue", "/feed.csv", "csv"))
            catalogue.record(source, [(EntryFields("p"), listed)], date(2026, 1, 5))
            store = ImageStore(FolderObjects(tmp_path))
            acquired = acquire(source, catalogue, store, fetch, date(2026, 1, 5), Unwatched())
    assert Counter(refusal.reason for refusal in acquired.refused) == {"not-found": 6 * AHEAD}


def test_outcomes_name_the_url_of_the_feed(tmp_path):
    """Whatever becomes of a request, its host has its turn again."""
    listed, asked = urls(a=5, b=5), []

    def fetch(requests):
        for request in requests:
            assert isinstance(request, Request)
            asked.append(host(request.url))
            yield FetchRefused(request, "not-found", "no", transient=False)

    with Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite'}") as catalogue:
        source = catalogue.begin_reading(catalogue.add_source("shop", "catalogue", "/feed.csv", "csv"))
        catalogue.record(source, [(EntryFields("p"), listed)], date(2026, 1, 5))
        acquire(source, catalogue, ImageStore(FolderObjects(tmp_path)), fetch, date(2026, 1, 5), Unwatched())
    assert asked == ["a", "b"] * 5
