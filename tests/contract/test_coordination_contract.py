"""What every coordination promises: one writer at a time, and one pointer to the live generation."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from index.coordination.database import DatabaseCoordination
from index.coordination.folder import POINTER, FolderCoordination
from index.errors import DatabaseUnavailable, GenerationError, WorkspaceBusy
from index.records.database import Database, engine_of
from tests.paths import ROOT

HOLD = """
import sys
from pathlib import Path
from index.coordination.{module} import {name}
with {name}(*{arguments!r}[:-1], Path({arguments!r}[-1])).lock("reindex"):
    print("locked", flush=True)
    sys.stdin.read()
"""


class Case:
    """One implementation over a folder, and how another process makes it, too."""

    def __init__(self, name, folder, url):
        self.name, self.folder, self.url = name, folder, url
        self.arguments = (str(folder),) if name == "folder" else (url, str(folder))
        if url:
            Database.open(url).close()
        self.made = self.again()

    def again(self):
        """As another process would make it."""
        if self.name == "folder":
            return FolderCoordination(self.folder)
        return DatabaseCoordination(self.url, self.folder)

    def holder(self):
        """A process that holds the lock until it is killed."""
        kind = type(self.made).__name__
        script = HOLD.format(module=self.name, name=kind, arguments=self.arguments)
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout.readline() == "locked\n"
        return process

    def damage(self):
        if self.name == "folder":
            (self.folder / POINTER).write_text("x\n")
            return
        with engine_of(self.url).begin() as connection:
            connection.exec_driver_sql("UPDATE facts SET value = 'x' WHERE name = 'live generation'")


@pytest.fixture(params=["folder", "database"])
def case(request, tmp_path):
    url = "" if request.param == "folder" else request.getfixturevalue("postgres_server").database()
    return Case(request.param, tmp_path, url)


class TestLock:
    def test_is_exclusive_and_names_its_holder(self, case):
        with case.made.lock("reindex"):
            for other in (case.made, case.again()):
                with pytest.raises(WorkspaceBusy, match="being written by reindex") as caught, other.lock("forget"):
                    pass
                assert caught.value.holder.startswith("reindex")
        with case.again().lock("forget"):
            pass

    def test_ends_with_an_error_too(self, case):
        with pytest.raises(RuntimeError), case.made.lock("reindex"):
            raise RuntimeError
        with case.made.lock("forget"):
            pass

    def test_is_free_as_soon_as_it_is_given_up(self, case):
        for _ in range(60):
            with case.again().lock("reindex"):
                pass

    def test_is_won_by_one_of_many(self, case):
        winners, start = [], threading.Barrier(8)

        def attempt(_):
            start.wait()
            try:
                with case.again().lock("reindex"):
                    winners.append(1)
                    start.wait()
            except WorkspaceBusy:
                start.wait()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(attempt, range(8)))
        assert winners == [1]

    def test_ends_with_its_process_however_that_ends(self, case):
        process = case.holder()
        with pytest.raises(WorkspaceBusy, match="reindex"), case.made.lock("forget"):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for _ in range(100):
            try:
                with case.made.lock("forget"):
                    return
            except WorkspaceBusy:
                threading.Event().wait(0.05)
        pytest.fail("a killed process still holds the lock")


class TestPointer:
    def test_names_no_generation_at_first(self, case):
        assert case.made.live() is None
        assert case.made.version() is None

    def test_moves_and_is_seen_by_others(self, case):
        other, seen = case.again(), []
        for number in (1, 2, 2, 1):
            before = other.version()
            case.made.point(number)
            assert other.live() == number
            assert other.version() != before, "also of the same number"
            seen.append(other.version())
        assert len(set(seen)) == 4

    def test_moves_while_the_lock_is_held(self, case):
        with case.made.lock("reindex"):
            case.made.point(7)
        assert case.again().live() == 7

    def test_is_recorded_before_it_can_be_read(self, case):
        recorded = []
        case.made.point(1)
        case.made.point(2, lambda number, _: recorded.append((number, case.again().live())))
        assert recorded == [(2, 1)]

    def test_stays_where_it_cannot_be_recorded(self, case):
        def fail(*_):
            raise RuntimeError("the audit cannot be written")

        case.made.point(1)
        before = case.made.version()
        with pytest.raises(RuntimeError, match="audit"):
            case.made.point(2, fail)
        assert (case.again().live(), case.made.version()) == (1, before)

    def test_that_is_damaged_is_reported_and_can_be_moved(self, case):
        case.made.point(1)
        case.damage()
        with pytest.raises(GenerationError, match="does not name a generation"):
            case.made.live()
        case.made.point(3)
        assert case.made.live() == 3


class TestDatabase:
    """What only a database server adds."""

    @pytest.fixture
    def case(self, postgres_server, tmp_path):
        return Case("database", tmp_path, postgres_server.database())

    def test_the_record_is_in_the_same_transaction(self, case):
        def write_then_fail(_, connection):
            connection.exec_driver_sql("INSERT INTO facts VALUES ('audit', 'published')")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            case.made.point(1, write_then_fail)
        with engine_of(case.url).connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM facts").scalar_one() == 0

    def test_the_pointer_of_a_former_version_counts_until_the_next_publication(self, case):
        FolderCoordination(case.folder).point(4)
        assert case.made.live() == 4
        assert case.made.version() is not None
        case.made.point(5)
        assert case.made.live() == 5
        assert FolderCoordination(case.folder).live() is None

    def test_a_job_that_lost_its_lock_cannot_publish(self, case, postgres_server):
        """Another may have it since: the database was restarted, or gave the connection up."""
        case.made.point(1)
        with case.made.lock("reindex"):
            postgres_server.restart()
            with case.again().lock("another reindex"):
                for _ in range(2):
                    with pytest.raises(DatabaseUnavailable):
                        case.made.point(2)
                assert case.again().live() == 1
        case.made.point(3)
        assert case.again().live() == 3

    def test_an_empty_database_has_no_live_generation(self, postgres_server, tmp_path):
        assert DatabaseCoordination(postgres_server.database(), tmp_path).live() is None

    def test_a_server_that_is_gone_is_told(self, case, postgres_server):
        case.made.point(1)
        postgres_server.stop()
        try:
            for ask in (case.made.live, case.made.version, lambda: case.made.point(2)):
                with pytest.raises(DatabaseUnavailable, match="does not answer"):
                    ask()
            with pytest.raises(DatabaseUnavailable), case.made.lock("reindex"):
                pass
        finally:
            postgres_server.start()
        assert case.made.live() == 1
