"""A PostgreSQL server of the tests' own: Debian's programs, a folder that is deleted, no network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

_NUMBERS = count()


class Server:
    """A running server; `folder` holds its socket and, in `data`, all that it stores."""

    def __init__(self, folder: Path, control: Callable[..., None]) -> None:
        self.folder, self._control = folder, control
        self._engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")

    def database(self) -> str:
        """Make a new, empty database; gives its URL."""
        name = f"test{next(_NUMBERS)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the server's administrator, outside a transaction; gives the rows."""
        with self._engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    def restart(self) -> None:
        """Stop the server as a crash does, and start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        self._engine.dispose()
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        self._control("start")

    def url(self, name: str, user: str = "traceobject") -> str:
        return f"postgresql+psycopg://{user}@/{name}?host={self.folder}"


def copy_database(url: str) -> str:
    """Make a copy of a database on its server; gives its URL. Whoever is connected to the original is disconnected."""
    original, name = sa.make_url(url), f"test{next(_NUMBERS)}"
    engine = sa.create_engine(original.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for tries_left in reversed(range(20)):
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{original.database}'"
            )
            try:
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {original.database}")
                break
            except sa.exc.OperationalError:
                # A server that runs over the original has connected again.
                if not tries_left:
                    raise
    engine.dispose()
    return original.set(database=name).render_as_string(hide_password=False)


def files_of(url: str) -> list[Path]:
    """The files of a database, and of the write-ahead log that it shares with the others of its server."""
    made = sa.make_url(url)
    engine = sa.create_engine(made)
    with engine.connect() as connection:
        oid = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar_one()
    engine.dispose()
    data = Path(str(made.query["host"])) / "data"
    return [path for path in (*(data / "base" / str(oid)).iterdir(), *(data / "pg_wal").iterdir()) if path.is_file()]


@contextmanager
def running() -> Iterator[Server]:
    """Start a server and stop it; where none can be started, the test is skipped and says why."""
    pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed: the extra `postgres`")
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = None
    if os.geteuid() == 0:
        # The server does not run as root.
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    # Not pytest's folder: another user cannot enter it, and a socket's path may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="traceobject-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)

        def run(program: str, *arguments: object) -> None:
            command = [str(programs / program), *map(str, arguments)]
            done = subprocess.run(
                command, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60
            )
            if done.returncode:
                pytest.skip(f"{program} does not work here: {done.stderr.strip()[-300:]}")

        data, log = folder / "data", folder / "log"
        # Texts sort as in English, as on many servers, so that nothing relies on the order of their bytes.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
        run("initdb", "-D", data, "-U", "traceobject", "--auth=trust", "--no-sync", *locale)
        # Segments of the write-ahead log that are done with are deleted: tests search the server's files for what was.
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c wal_recycle=off"
        # Tests leave connections in their pools, some of hundreds of databases.
        options += " -c max_connections=1000"

        def control(*arguments: str) -> None:
            run("pg_ctl", "-D", data, "-l", log, "-w", "-t", "50", "-o", options, *arguments)

        control("start")
        try:
            yield Server(folder, control)
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
