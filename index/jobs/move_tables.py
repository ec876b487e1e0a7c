"""Tables copied from one database to another, in parts, and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.coordination.database import LIVE
from index.errors import WorkspaceError
from index.records.database import Database
from index.records.facts import fact, set_fact
from index.records.schema import facts

# So many rows are read, and written in one transaction.
ROWS = 2_000
# Its value is a move's own, so that a run that goes on knows the database that an earlier one began to fill.
MOVING = "being moved here"
# Facts of one place: the pointer is written anew, the mark is the move's.
_OF_ITS_PLACE = (LIVE, MOVING)


@dataclass(frozen=True)
class TableSum:
    """How many rows a table has, and the sum of their SHA-256 modulo 2^256, whatever their order."""

    rows: int
    total: int


Databases = Sequence[tuple[Database, sa.MetaData]]
"""The records' database first, then the service's, each with its tables; they may be one."""


def claim(targets: Databases, token: str) -> None:
    """Mark empty databases as filled by the move of that token.

    Raises:
        WorkspaceError: there are records already, of another workspace or of another move.
    """
    records = targets[0][0]
    with records.connect() as connection:
        if fact(connection, MOVING) == token:
            return
    for target, metadata in targets:
        for table in metadata.sorted_tables:
            if count(target, table):
                raise WorkspaceError(
                    f"{target.name} has records already (table {table.name}): name an empty database, or move it away"
                )
    with records.begin() as connection:
        set_fact(records, connection, MOVING, token)


def empty(targets: Databases, token: str) -> None:
    """Delete all rows that were copied; the mark of `claim` stays."""
    for target, metadata in targets:
        with target.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
    with targets[0][0].begin() as connection:
        set_fact(targets[0][0], connection, MOVING, token)


def release(targets: Databases) -> None:
    """Delete the mark of `claim`: the records are in use there."""
    with targets[0][0].begin() as connection:
        set_fact(targets[0][0], connection, MOVING, "")


def count(database: Database, table: sa.Table) -> int:
    """How many rows a table has."""
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def copy_table(
    source: Database,
    target: Database,
    table: sa.Table,
    after: Sequence[Any] | None,
    done: Callable[[list[Any], int], None],
) -> None:
    """Copy the rows of a table, in the order of its primary key; rows that are there already are left.

    Args:
        after: the key that an earlier run ended with; None for all rows.
        done: is told the last key, and how many rows there were, once a part is in the target for good.
    """
    for rows in _parts(source, table, after):
        with target.begin() as connection:
            connection.execute(target.insert(table).on_conflict_do_nothing(), rows)
        done([rows[-1][column.key] for column in table.primary_key], len(rows))


def set_sequences(target: Database, metadata: sa.MetaData) -> None:
    """Let PostgreSQL number new rows after those that were copied; SQLite does so by itself."""
    if not target.is_shared:
        return
    with target.begin() as connection:
        for table in metadata.sorted_tables:
            column = table.autoincrement_column
            if column is not None:
                last = connection.execute(sa.select(sa.func.max(column))).scalar()
                sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(sa.select(sa.func.setval(sequence, last or 1, last is not None)))


def sums(connection: Connection, metadata: sa.MetaData) -> Mapping[str, TableSum]:
    """What each table holds, by its name; of the facts those that are not of one place."""
    return {table.name: _sum(connection, table) for table in metadata.sorted_tables}


@contextmanager
def unchanging(database: Database, metadata: sa.MetaData) -> Iterator[Connection]:
    """A connection, while nobody else writes the tables.

    Raises:
        WorkspaceError: another program writes them for too long.
    """
    with database.connect() as connection:
        if database.is_shared:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            for table in metadata.sorted_tables:
                connection.execute(sa.text(f"LOCK TABLE {table.name} IN SHARE MODE"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.rollback()


_LOCK_SECONDS = 10


def _parts(source: Database, table: sa.Table, after: Sequence[Any] | None) -> Iterator[list[dict[str, Any]]]:
    keys = list(table.primary_key)
    query = sa.select(table).order_by(*keys).limit(ROWS)
    if table is facts:
        query = query.where(facts.c.name.not_in(_OF_ITS_PLACE))
    last = after
    while True:
        page = query if last is None else query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last)))
        with source.connect() as connection:
            # By what an insert calls a column: its key, which differs from the name of some.
            names = [column.key for column in table.columns]
            rows = [dict(zip(names, row, strict=True)) for row in connection.execute(page)]
        if not rows:
            return
        yield rows
        last = [rows[-1][column.key] for column in keys]


def _sum(connection: Connection, table: sa.Table) -> TableSum:
    query = sa.select(table)
    if table is facts:
        query = query.where(facts.c.name.not_in(_OF_ITS_PLACE))
    count, total = 0, 0
    for row in connection.execution_options(yield_per=ROWS).execute(query):
        count += 1
        total += int.from_bytes(hashlib.sha256(repr(tuple(row)).encode()).digest(), "big")
    return TableSum(count, total % (1 << 256))
