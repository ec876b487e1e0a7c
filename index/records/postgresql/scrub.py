"""Rewrites the tables of a PostgreSQL database, so that no file of it holds what was deleted.

DELETE leaves rows in the table's file; VACUUM FULL writes a new file (https://www.postgresql.org/docs/current/
sql-vacuum.html), but takes rows along that the snapshot of another session may still see. Samples of values are in the
planner's statistics, so these are made anew too; ANALYZE leaves those of a table without rows, which ALTER COLUMN TYPE
drops. The write-ahead log holds all changes until its segments are recycled.
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from index.errors import WorkspaceError
from index.records.postgresql.errors import is_forbidden, is_locked

# A statement that waits for a table makes all others wait behind it, so it waits briefly, several times.
_LOCK_MS = 500
_PAUSE_SECONDS = 0.25
_OWN_TABLES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
WHERE schemaname = current_schema() AND pg_has_role(tableowner, 'USAGE') ORDER BY tablename
"""
_SAMPLED_COLUMNS = """
SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE %s', schemaname, tablename, attname,
              format_type(atttypid, atttypmod))
FROM pg_stats JOIN pg_attribute USING (attname)
WHERE attrelid = CAST(:table AS regclass) AND schemaname = current_schema()
AND CAST(format('%I.%I', schemaname, tablename) AS regclass) = attrelid
AND coalesce(CAST(most_common_vals AS text), CAST(histogram_bounds AS text)) IS NOT NULL
"""
_OWNS_DATABASE = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
_OLDER_SESSIONS = """
SELECT DISTINCT coalesce(nullif(application_name, ''), 'process ' || pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
AND greatest(age(backend_xmin), age(backend_xid)) >= age(CAST(CAST(:now AS text) AS xid))
"""
_SAMPLES = "former samples of values are in pg_statistic until the database's owner runs VACUUM FULL pg_statistic"
_KEPT = "its write-ahead log holds what was deleted"


def scrub(connection: Connection, wait_ms: int, name: str) -> str:
    """Rewrite the tables of the current schema that this role owns.

    Args:
        connection: in autocommit mode, because VACUUM runs in no transaction.
        wait_ms: how long, in all, to wait for sessions that read or write them.
        name: the database in messages.

    Returns:
        where what was deleted may remain, and until when.

    Raises:
        WorkspaceError: a session still reads what was deleted.
        DBAPIError: the database cannot be written.
    """
    deadline = time.monotonic() + wait_ms / 1000
    _wait_for_older_sessions(connection, deadline, name)
    tables = list(connection.exec_driver_sql(_OWN_TABLES).scalars())
    owns_database = connection.exec_driver_sql(_OWNS_DATABASE).scalar_one()
    connection.exec_driver_sql(f"SET lock_timeout = {_LOCK_MS}")
    try:
        for table in tables:
            _run(connection, f"VACUUM (FULL, ANALYZE) {table}", deadline, name)
            for statement in _stale_samples(connection, table):
                _run(connection, statement, deadline, name)
        if owns_database:
            _run(connection, "VACUUM FULL pg_catalog.pg_statistic", deadline, name)
        return "; ".join(filter(None, (_recycle_log(connection), "" if owns_database else _SAMPLES)))
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql("RESET lock_timeout")


def _wait_for_older_sessions(connection: Connection, deadline: float, name: str) -> None:
    """Wait until no session can see what was deleted before now."""
    now = connection.exec_driver_sql("SELECT CAST(pg_current_xact_id() AS xid)").scalar_one()
    while older := list(connection.execute(sa.text(_OLDER_SESSIONS), {"now": str(now)}).scalars()):
        if time.monotonic() >= deadline:
            raise _in_use(name, f"by {', '.join(older)}")
        time.sleep(_PAUSE_SECONDS)


def _stale_samples(connection: Connection, table: str) -> list[str]:
    """The statements that drop the samples of a table without rows."""
    if connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM {table})").scalar_one():
        return []
    return list(connection.execute(sa.text(_SAMPLED_COLUMNS), {"table": table}).scalars())


def _run(connection: Connection, statement: str, deadline: float, name: str) -> None:
    """Run a statement that locks a table, again while another session has it locked."""
    while True:
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            if not is_locked(error):
                raise
            if time.monotonic() >= deadline:
                raise _in_use(name, "by another program") from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _recycle_log(connection: Connection) -> str:
    """End the current segment of the write-ahead log and have the former ones recycled, where the role may do that."""
    try:
        connection.exec_driver_sql("SELECT pg_switch_wal()")
        connection.exec_driver_sql("CHECKPOINT")
    except DBAPIError as error:
        if not is_forbidden(error):
            raise
        return (
            f"{_KEPT} until the server's next checkpoint (its setting checkpoint_timeout says when): an administrator "
            "can run SELECT pg_switch_wal(); CHECKPOINT; at once"
        )
    if connection.exec_driver_sql("SHOW archive_mode").scalar_one() != "off":
        return f"{_KEPT} where the server archives it: delete the archived segments there"
    if connection.exec_driver_sql("SHOW wal_recycle").scalar_one() != "off":
        return f"{_KEPT} in recycled segments until they are overwritten: wal_recycle = off on the server deletes them"
    return ""


def _in_use(name: str, by: str) -> WorkspaceError:
    return WorkspaceError(
        f"{name} is being read {by}, so its files still hold what was deleted: end that program and run the command "
        "again"
    )
