"""A PostgreSQL server of the tests' own: Debian's programs, a folder that is deleted, no network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

_NUMBERS = count()


class Server:
    """A running server; `database` makes a new, empty database and gives its URL."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def database(self) -> str:
        name = f"test{next(_NUMBERS)}"
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://traceobject@/{name}?host={self._socket}"


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
        run("initdb", "-D", data, "-U", "traceobject", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", data, "-l", log, "-w", "-t", "50", "-o", options, "start")
        try:
            yield Server(folder)
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
