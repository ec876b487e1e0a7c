"""How property tests run: without a deadline, for the time of one example tells of the machine, not of the code; and in
CI with the same examples each time, for what it says must be of the change. Elsewhere each run draws new ones.

And a PostgreSQL server, one for all tests that ask for it, the databases that marked tests run over, and a Milvus
server, one for all files whose tests ask for it; with pytest-xdist one process runs all of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from embedding.text import reader
from tests import databases as test_databases
from tests import milvus, postgres, s3
from tests.databases import Databases

# Reading text takes a second a picture: tests that want it make their own reader.
reader.available = lambda: False

settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("here")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A running server; the test is skipped where none can be started."""
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[s3.S3Server]:
    """A running S3 server, in the environment of this process; the test is skipped where none can be started."""
    with s3.running() as server:
        yield server


@pytest.fixture(scope="session")
def milvus_of_the_session() -> Iterator[milvus.Server]:
    """A running server, the only one on this machine; the test is skipped where none can be started."""
    with milvus.running() as server:
        yield server


@pytest.fixture(scope="module")
def milvus_server(milvus_of_the_session: milvus.Server) -> Iterator[milvus.Server]:
    """The running server, with nothing on it when a file of tests begins."""
    yield milvus_of_the_session
    milvus_of_the_session.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs in one process begins first, because it takes longest (with `--no-loadscope-reorder`)."""
    items.sort(key=lambda item: _server_of(item.path) is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but the files that need Milvus go to one process, and those that need Ray.

    The others would only wait for Milvus' one server, and two clusters of Ray take each other's ports.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return _server_of(config.rootpath / file) or file

    return Scheduling(config, log)


@cache
def _server_of(file: Path) -> str | None:
    """The server that the tests of a file need, of those that run once on a machine."""
    text = file.read_text(encoding="utf-8")
    return next((name for name in ("milvus_server", "ray_cluster") if name in text), None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    test_databases.parametrize(metafunc)


@pytest.fixture(scope="session", autouse=True)
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """What gives a test its databases; whatever a session shares and is made with one depends on this."""
    name = getattr(request, "param", None)
    with test_databases.chosen(name, lambda: request.getfixturevalue("postgres_server")) as chosen:
        yield chosen


@pytest.fixture
def database_url(databases: Databases, tmp_path: Path) -> str:
    """The URL of a new, empty database."""
    return databases.url(tmp_path / "catalogue.sqlite")
