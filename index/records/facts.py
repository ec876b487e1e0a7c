"""Single named values that are kept with the records from one run to the next."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.records.database import Database
from index.records.schema import facts


def fact(connection: Connection, name: str) -> str:
    """A fact's value; "" where there is none."""
    return connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none() or ""


def set_fact(database: Database, connection: Connection, name: str, value: str) -> None:
    """Write a fact; "" deletes it."""
    if not value:
        connection.execute(sa.delete(facts).where(facts.c.name == name))
        return
    statement = database.insert(facts).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
