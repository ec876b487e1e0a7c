"""Tombstones of forgotten entries: their feed may still list them, but they must not be added again.

The id itself would be a trace, so only a salted digest of it is stored.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.records.database import Database
from index.records.facts import fact, set_fact
from index.records.feed_records import Collection
from index.records.schema import forgotten
from index.spelling import spellings

_SALT = "salt of the forgotten"


@dataclass(frozen=True)
class Forgotten:
    """The tombstones of a workspace, loaded into memory for one reading."""

    salt: str
    marks: frozenset[str]

    @classmethod
    def of(cls, database: Database) -> Self:
        """The current tombstones."""
        with database.connect() as connection:
            return cls(fact(connection, _SALT), frozenset(connection.execute(sa.select(forgotten.c.mark)).scalars()))

    def has(self, collection: Collection, source: str, entry_id: str) -> bool:
        """Whether an entry was forgotten, its id composed or decomposed."""
        if not self.marks:
            return False
        return any(_mark(self.salt, collection, source, name) in self.marks for name in spellings(entry_id))


def tombstone(database: Database, connection: Connection, collection: Collection, source: str, entry_id: str) -> None:
    """Prevent an entry from being added again by its feed."""
    salt = fact(connection, _SALT)
    if not salt:
        salt = secrets.token_hex(16)
        set_fact(database, connection, _SALT, salt)
    mark = _mark(salt, collection, source, entry_id)
    connection.execute(database.insert(forgotten).values(mark=mark).on_conflict_do_nothing())


def untombstone(connection: Connection, collection: Collection, source: str, entry_id: str) -> bool:
    """Allow an entry to be added again by its feed; returns whether it had a tombstone."""
    salt = fact(connection, _SALT)
    marks = [_mark(salt, collection, source, name) for name in spellings(entry_id)]
    return connection.execute(sa.delete(forgotten).where(forgotten.c.mark.in_(marks))).rowcount > 0


def _mark(salt: str, collection: Collection, source: str, entry_id: str) -> str:
    return hashlib.sha256("\0".join((salt, collection, source, entry_id)).encode()).hexdigest()
