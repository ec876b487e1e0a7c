"""The audit: an append-only hash chain of records.

A record's SHA-256 is taken over the previous record's SHA-256 and its own canonical JSON; a separate head holds the
chain's length and last hash. `verify` finds a changed byte, a gap and a truncated end. Whoever can write the database
can forge chain and head together: compare the head with a copy kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from embedding.errors import TraceObjectError
from index.errors import UnknownEntry, WorkspaceError
from index.records.database import Database
from service.tables import audit, audit_head

# The hash before the first record.
GENESIS_HASH = "0" * 64
# `who` of a record that the command line wrote.
COMMAND_LINE = "command line"
_HEAD_ID = 1
# PostgreSQL's driver reads all rows into memory otherwise.
_STREAMED = {"yield_per": 1000}


class AuditBroken(TraceObjectError):
    """The audit was changed after it was written."""


class Audit:
    """The record of who did what, and when. Safe from any thread and process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, who: str, *, within: Connection | None = None, **details: Any) -> None:
        """Write a record.

        Args:
            within: a transaction of the same database that the record becomes part of.
            details: further members of the record, plain data.

        Raises:
            WorkspaceError: it cannot be written.
        """
        with self._transaction(within) as connection:
            first = {"id": _HEAD_ID, "number": 0, "sha256": GENESIS_HASH}
            # The first statement writes and so locks: no other process can append between reading and moving the head.
            connection.execute(self._database.insert(audit_head).values(first).on_conflict_do_nothing())
            connection.execute(sa.update(audit_head).values(number=audit_head.c.number + 1))
            head = connection.execute(sa.select(audit_head)).one()
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            record = canonical({"number": head.number, "at": at, "who": who, "kind": kind, **details})
            sha256 = chain_hash(head.sha256, record)
            connection.execute(sa.insert(audit).values(number=head.number, record=record, sha256=sha256))
            connection.execute(sa.update(audit_head).values(sha256=sha256))

    def verify(self) -> tuple[int, str]:
        """Check the whole chain: how many records it has, and the SHA-256 of the last.

        Raises:
            AuditBroken: a record was changed, added or removed; the message names its number.
        """
        number, previous = 0, GENESIS_HASH
        with self._read(lambda: number) as connection:
            # One statement, so that records and head are of the same moment.
            joined = sa.select(
                audit, audit_head.c.number.label("length"), audit_head.c.sha256.label("head")
            ).select_from(audit.outerjoin(audit_head, audit_head.c.id == _HEAD_ID))
            head: tuple[int, str] | None = None
            for row in connection.execute(joined.order_by(audit.c.number), execution_options=_STREAMED):
                number += 1
                if row.number != number:
                    raise AuditBroken(f"record {number} is missing")
                if row.sha256 != chain_hash(previous, row.record) or _number(row.record) != number:
                    raise AuditBroken(f"record {number} was changed")
                previous, head = row.sha256, (row.length, row.head)
            if head is None:
                head_row = connection.execute(sa.select(audit_head)).first()
                head = (head_row.number, head_row.sha256) if head_row else (0, GENESIS_HASH)
        if head != (number, previous):
            raise AuditBroken(f"the audit ends at record {number}, and its head tells of {head[0] or 0} records")
        return number, previous

    def records(self, after: int = 0, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """The records that follow number `after`, oldest first.

        Raises:
            AuditBroken: one cannot be read.
        """
        number = after
        query = sa.select(audit.c.number, audit.c.record).where(audit.c.number > after)
        with self._read(lambda: number) as connection:
            for row in connection.execute(query.order_by(audit.c.number).limit(limit), execution_options=_STREAMED):
                number = row.number
                yield _record(row.number, row.record)

    def search(self, name: str) -> dict[str, Any]:
        """The record of a search, by its number or its query id.

        Raises:
            UnknownEntry: there is none.
            AuditBroken: a record cannot be read.
        """
        for record in self.records():
            if record.get("kind") == "search" and name in (str(record.get("number")), record.get("query_id")):
                return record
        raise UnknownEntry(f"the audit has no search {name[:60]!r}: `traceobject audit list --kind search` lists them")

    @contextmanager
    def _transaction(self, within: Connection | None) -> Iterator[Connection]:
        if within is not None:
            yield within
            return
        with self._database.begin() as connection:
            yield connection

    @contextmanager
    def _read(self, last: Callable[[], int]) -> Iterator[Connection]:
        """A connection for reading; `last` gives the number of the record that was read last, for error messages."""
        try:
            with self._database.connect() as connection:
                yield connection
        except WorkspaceError as error:
            # For example bytes that are not UTF-8; the database's message says which fault it is.
            raise AuditBroken(f"what follows record {last()} cannot be read: {error}") from error


def canonical(record: dict[str, Any]) -> str:
    """Canonical JSON: keys sorted, no whitespace, ASCII only."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chain_hash(previous: str, record: str) -> str:
    """SHA-256 over the previous record's hash and a record's canonical JSON, as hexadecimal."""
    return hashlib.sha256(previous.encode() + record.encode()).hexdigest()


def _number(record: str) -> object:
    return json.loads(record).get("number")


def _record(number: int, text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise AuditBroken(f"record {number} was changed: {error}") from error
    if not isinstance(record, dict):
        raise AuditBroken(f"record {number} was changed: it is no JSON object")
    return record
