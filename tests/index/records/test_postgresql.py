"""What PostgreSQL does otherwise than SQLite: counts of rows, locks, and where deleted rows remain."""

import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import sqlalchemy as sa

from index.errors import DatabaseUnavailable, WorkspaceError
from index.jobs.forget import ForgetTarget, Traces, _delete_records
from index.records.catalogue import Catalogue
from index.records.database import Database, engine_of
from index.records.facts import set_fact
from index.records.schema import forgotten
from tests.paths import ROOT
from tests.postgres import files_of

SECRET = "forget-me-4711"


@pytest.fixture
def url(postgres_server):
    return postgres_server.database()


@pytest.fixture
def database(url):
    with closing(Database.open(url)) as opened:
        yield opened


def hold(database, secret=SECRET):
    """Write a fact with a secret in it."""
    with database.begin() as connection:
        set_fact(database, connection, "held", secret * 20)


def let_go(database):
    with database.begin() as connection:
        set_fact(database, connection, "held", "")


def found(url, secret=SECRET):
    return [path.name for path in files_of(url) if secret.encode() in path.read_bytes()]


@pytest.mark.databases("sqlite", "postgres")
def test_a_row_is_inserted_once(database_url):
    with closing(Database.open(database_url)) as database, database.begin() as connection:
        assert [database.insert_new(connection, forgotten, {"mark": name}) for name in "aab"] == [True, False, True]


@pytest.mark.parametrize("all_rows", [True, False])
def test_what_is_deleted_is_in_no_file_of_the_server(database, url, all_rows):
    """Neither in a table, nor as its most common value in the planner's statistics."""
    add = "INSERT INTO sources SELECT n, 'n' || n, 'catalogue', {}, 'csv', 0, '', '' FROM generate_series({}, {}) n"
    with database.begin() as connection:
        connection.exec_driver_sql(add.format("%s", 1, 300), (SECRET,))
        if not all_rows:
            connection.exec_driver_sql(add.format("'somewhere'", 301, 400))
    database.scrub()
    assert found(url)
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sources WHERE location = %s", (SECRET,))
    assert database.scrub() == ""
    assert found(url) == []
    with database.connect() as connection:
        assert SECRET not in str(connection.exec_driver_sql("SELECT * FROM pg_stats WHERE tablename = 'sources'").all())


def test_a_role_without_rights_is_told_what_remains(database, url, postgres_server):
    postgres_server.execute("CREATE ROLE clerk LOGIN")
    name = postgres_server.database()
    postgres_server.execute(f"ALTER DATABASE {sa.make_url(name).database} OWNER TO clerk")
    with closing(Database.open(name.replace("traceobject@", "clerk@"))) as own:
        hold(own, "clerks-secret")
        let_go(own)
        assert "until the server's next checkpoint" in own.scrub()
    postgres_server.execute("SELECT pg_switch_wal()")
    postgres_server.execute("CHECKPOINT")
    assert found(name, "clerks-secret") == []


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_reader_bounds_the_wait(database, url, monkeypatch, isolation):
    """One that holds a table's lock, and one that holds none, whose snapshot still sees what was deleted."""
    monkeypatch.setattr("index.records.database.WAIT_MS", 600)
    hold(database)
    engine = engine_of(url)
    with engine.connect().execution_options(isolation_level=isolation) as reader:
        reader.exec_driver_sql("SELECT * FROM facts" if isolation == "READ COMMITTED" else "SELECT 1").all()
        let_go(database)
        began = time.monotonic()
        with pytest.raises(WorkspaceError, match=r"is being read by .*: end that program and run the command again"):
            database.scrub()
        assert time.monotonic() - began < 5
    engine.dispose()
    assert database.scrub() == ""
    assert found(url) == []


def test_a_reader_that_ends_in_time_does_no_harm(database, url):
    hold(database)
    engine = engine_of(url)
    reader = engine.connect()
    reader.exec_driver_sql("SELECT * FROM facts").all()
    let_go(database)
    ending = threading.Timer(0.8, reader.close)
    ending.start()
    assert database.scrub() == ""
    ending.join()
    engine.dispose()
    assert found(url) == []


def test_others_read_while_it_waits_for_a_reader(database, url):
    """A statement that waits for a table's lock makes those behind it wait, so it may not wait long."""
    engine = engine_of(url)
    reader = engine.connect()
    reader.exec_driver_sql("SELECT * FROM facts").all()
    scrubbing = threading.Thread(target=database.scrub)
    scrubbing.start()
    longest, until = 0.0, time.monotonic() + 2.5
    while time.monotonic() < until:
        began = time.monotonic()
        with engine.connect() as another:
            another.exec_driver_sql("SELECT * FROM facts").all()
        longest = max(longest, time.monotonic() - began)
    reader.close()
    scrubbing.join()
    engine.dispose()
    assert longest < 2


def test_a_server_that_is_gone_is_unavailable_and_one_that_is_back_is_used(postgres_server, url):
    with closing(Database.open(url)) as database:
        postgres_server.stop()
        try:
            with pytest.raises(DatabaseUnavailable, match="does not answer"), database.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        finally:
            postgres_server.start()
        with database.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_more_pictures_than_a_statement_takes_values(url):
    with Catalogue.open(url) as catalogue, catalogue.database.begin() as connection:
        target = ForgetTarget("catalogue", "shop")
        names = frozenset(f"{number:064x}" for number in range(70_000))
        assert _delete_records(catalogue, connection, target, Traces((target,), names, names)) == 0


def test_nothing_of_it_is_imported_without_it(tmp_path):
    script = f"""
import sys
from service.cli.main import main
for words in (["init"], ["users", "list"], ["audit", "verify"], ["generations", "list"]):
    try:
        main(["--workspace", {str(tmp_path / "w")!r}, *words])
    except SystemExit as end:
        assert not end.code, end.code
print([name for name in sys.modules if "psycopg" in name or "postgresql" in name])
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]", ran.stdout
