"""Coordination by a PostgreSQL database: for several machines, which share the workspace's folder and the database.

The lock is an advisory lock of a session (https://www.postgresql.org/docs/current/explicit-locking.html): it ends with
its connection, so also if the process or its machine dies. A pooler in front of the database has to pool sessions.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from index.coordination.folder import POINTER, FolderCoordination, busy
from index.coordination.protocol import PublicationRecord, unrecorded
from index.errors import DatabaseUnavailable, GenerationError
from index.records.database import engine_of, name_of, translated_errors
from index.records.facts import fact
from index.records.postgresql.errors import is_undefined_table
from index.records.schema import facts

# The first half of the lock's key, as any number; the second is made of the schema, in which the tables are.
_LOCK = 7_262
_SCHEMA = "hashtext(current_schema()) & 2147483647"
_HOLDER = f"""
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted
AND classid = {_LOCK} AND objid = CAST({_SCHEMA} AS oid)
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
LIVE = "live generation"
_PROGRAM = "traceobject: "
# The server notices within half a minute that the machine which holds the lock has vanished.
_KEEPALIVES = ("tcp_keepalives_idle = 15", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")


class DatabaseCoordination:
    """An advisory lock, and the fact `live generation`: the number, and a token that is new with each publication.

    Until the first publication here the pointer of a former version counts, which is the file CURRENT.
    """

    def __init__(self, url: str, root: Path) -> None:
        self._url, self._root = url, root
        self._engine = engine_of(url)
        self._former = FolderCoordination(root)
        self._locked: Connection | None = None
        self._publishing = threading.Lock()

    @contextmanager
    def lock(self, job: str) -> Iterator[None]:
        with translated_errors(self._engine):
            connection = self._engine.connect()
            # Not of the pool: whatever becomes of this connection, the lock must end with it.
            connection.detach()
        try:
            with translated_errors(self._engine):
                self._acquire(connection, job)
            self._locked = connection
            yield
        finally:
            if self._locked is connection:
                self._locked = None
            # If the server is gone, so is the lock.
            with suppress(DBAPIError):
                _unlock(connection)

    def live(self) -> int | None:
        value = self._value()
        if not value:
            return self._former.live()
        number = value.partition(" ")[0]
        if not number.isdigit():
            raise GenerationError(f"{self._root}: the database does not name a generation: roll back to one")
        return int(number)

    def version(self) -> Hashable:
        return self._value() or self._former.version()

    def point(self, number: int, record: PublicationRecord = unrecorded) -> None:
        with self._publishing, translated_errors(self._engine), self._session() as connection, connection.begin():
            write_pointer(connection, number)
            record(number, connection)
        (self._root / POINTER).unlink(missing_ok=True)

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """The session that holds the lock, so that a job that lost it cannot publish; without one, any session."""
        held = self._locked
        if held is not None and held.invalidated:
            # It would connect again, and write without the lock.
            raise DatabaseUnavailable(
                f"{name_of(self._engine)} was restarted, and this job's lock is lost: run it again"
            )
        with nullcontext(held) if held is not None else self._engine.connect() as connection:
            yield connection

    def _acquire(self, connection: Connection, job: str) -> None:
        """Lock, and give the session a name by which others can tell who holds it."""
        name = f"{_PROGRAM}{job} on {socket.gethostname()}"[:63]
        connection.execute(sa.text("SELECT set_config('application_name', :name, false)"), {"name": name})
        for setting in _KEEPALIVES:
            connection.exec_driver_sql(f"SET {setting}")
        locked = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_LOCK}, {_SCHEMA})").scalar_one()
        holder = None if locked else connection.exec_driver_sql(_HOLDER).scalar()
        connection.commit()
        if not locked:
            raise busy(self._root, (holder or "").removeprefix(_PROGRAM) or "another job", job)

    def _value(self) -> str:
        with translated_errors(self._engine):
            try:
                with self._engine.connect() as connection:
                    return fact(connection, LIVE)
            except DBAPIError as error:
                if is_undefined_table(error):
                    return ""
                raise


def write_pointer(connection: Connection, number: int) -> None:
    """Write the fact, with a new token."""
    value = f"{number} {secrets.token_hex(8)}"
    statement = insert(facts).values(name=LIVE, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _unlock(connection: Connection) -> None:
    """Give up the lock, and close: the server may notice a closed connection later than the next job begins."""
    try:
        if not connection.invalidated:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK}, {_SCHEMA})")
    finally:
        connection.close()
