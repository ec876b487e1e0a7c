"""Two servers, each with a folder of its own, over one PostgreSQL database, one S3 bucket and one Milvus: a server and
the engine are killed while nights publish."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, closing

import httpx
import pytest

from index.errors import EngineUnavailable
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import SETTINGS, Workspace
from service.app.audit import Audit
from service.app.publications import publication_record
from service.tables import open_service_database
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.service.conftest import make_workspace
from tests.service.test_several_servers import (
    Balancer,
    Crowd,
    audited,
    check_answers,
    headers_of_an_investigator,
    pictures_of,
    server,
)

pytestmark = [pytest.mark.databases("postgres"), pytest.mark.slow]


@pytest.fixture(scope="module")
def workspace(databases, milvus_server, s3_server, tmp_path_factory):
    places = {"engine": milvus_server.url, "objects": f"s3://{s3_server.bucket(versioned=True)}/prefix"}
    return make_workspace(tmp_path_factory.mktemp("several"), searches_a_minute=0, **places)


def machine(workspace, folder):
    """Another machine's folder of a workspace: it has the settings, and makes the rest."""
    folder.mkdir()
    shutil.copy(workspace.root / SETTINGS, folder)
    return Workspace.open(folder)


def night(workspace, folder, number, record):
    """Publish one product more; repeated while the engine loads what it had loaded before it was killed."""
    feed = write_feed(folder / f"new-{number}", [{"product_id": f"new-{number}"}], [500 + number])
    add_feed(workspace, f"new-{number}", "catalogue", feed)
    deadline = time.monotonic() + 180
    while True:
        try:
            report = reindex(workspace, ColourEncoder(), Unwatched(), record_publication=record)
        except EngineUnavailable:
            assert time.monotonic() < deadline
            time.sleep(1)
        else:
            assert report.published
            return


def test_a_server_and_the_engine_are_killed_while_nights_publish(workspace, milvus_server, tmp_path):
    headers, pictures = headers_of_an_investigator(workspace), pictures_of(workspace)
    with ExitStack() as open_servers, Balancer() as balancer:
        stack = open_servers.enter_context(ExitStack())
        one, other = (machine(workspace, tmp_path / name) for name in ("one", "other"))
        process, first = stack.enter_context(server(one, tmp_path))
        _, second = open_servers.enter_context(server(other, tmp_path))
        balancer.add(first)
        balancer.add(second)
        with Crowd(balancer, pictures, headers) as crowd, closing(open_service_database(workspace)) as database:
            record = publication_record(Audit(database), "reindex")
            night(workspace, tmp_path, 0, record)
            crowd.wait_for(8)
            process.kill()
            milvus_server.stop()
            # Asked without a balancer, the server that is left says when to try again.
            with httpx.Client(headers=headers, timeout=60) as http:
                answer = http.post(f"{second}/v1/search", files={"image": pictures[0]}, data={"rerank": "false"})
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            milvus_server.start()
            balancer.remove(first)
            night(workspace, tmp_path, 1, record)
            balancer.add(open_servers.enter_context(server(one, tmp_path))[1])
            crowd.wait_for(16)
            night(workspace, tmp_path, 2, record)
            deadline = time.monotonic() + 120
            while {answer["generation"] for _, _, answer in crowd.answers[-10:]} != {4}:
                assert time.monotonic() < deadline
                crowd.wait_for(10)
        check_answers(workspace, crowd)
        for failure in crowd.failures:
            if isinstance(failure, httpx.Response):
                assert failure.status_code == 503, failure.text
                assert int(failure.headers["Retry-After"]) > 0
        assert audited(workspace)[1] == [2, 3, 4]
        assert not (workspace.root / "images").exists()
        assert {path.name for path in (other.root / "generations").iterdir()} >= {"4"}
