"""What `forget` ruled out: its feed may still name it, and it must not come back.

The id itself would be a trace, so a salted digest of it is kept.
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

_SALT = "salt of the forgotten"


@dataclass(frozen=True)
class Forgotten:
    """The marks of a workspace's forgotten entries, held in memory for one reading."""

    salt: str
    marks: frozenset[str]

    @classmethod
    def of(cls, database: Database) -> Self:
        """The marks as they stand."""
        with database.connect() as connection:
            return cls(fact(connection, _SALT), frozenset(connection.execute(sa.select(forgotten.c.mark)).scalars()))

    def has(self, collection: Collection, source: str, entry_id: str) -> bool:
        """Whether an entry was forgotten."""
        return bool(self.marks) and _mark(self.salt, collection, source, entry_id) in self.marks


def tombstone(database: Database, connection: Connection, collection: Collection, source: str, entry_id: str) -> None:
    """Keep an entry from coming back with its feed."""
    salt = fact(connection, _SALT)
    if not salt:
        salt = secrets.token_hex(16)
        set_fact(database, connection, _SALT, salt)
    mark = _mark(salt, collection, source, entry_id)
    connection.execute(database.insert(forgotten).values(mark=mark).on_conflict_do_nothing())


def untombstone(connection: Connection, collection: Collection, source: str, entry_id: str) -> bool:
    """Let an entry come back with its feed; whether it was ruled out."""
    mark = _mark(fact(connection, _SALT), collection, source, entry_id)
    return connection.execute(sa.delete(forgotten).where(forgotten.c.mark == mark)).rowcount > 0


def _mark(salt: str, collection: Collection, source: str, entry_id: str) -> str:
    return hashlib.sha256("\0".join((salt, collection, source, entry_id)).encode()).hexdigest()
