"""Adds what a database lacks of a set of tables, for databases from before there were revisions."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn


def complete(connection: Connection, tables: sa.MetaData) -> None:
    """Add the tables, columns and indexes that are missing; existing ones are not changed.

    A column that is added needs a default on the server, or has to allow NULL.
    """
    tables.create_all(connection)
    inspector = sa.inspect(connection)
    for table in tables.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in columns:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexes:
                index.create(connection)
