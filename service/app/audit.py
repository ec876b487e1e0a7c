"""The audit: an append-only chain of records, each sealed with the one before it.

A record's SHA-256 is taken over the former record's SHA-256 and its own canonical JSON; a head kept beside the chain
tells how long it is. A changed byte, a gap and a cut-off end are found by `verify`. Whoever can write the database can
forge chain and head together: compare the head with a copy kept elsewhere.
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

START = "0" * 64
# Who did what was done on this machine itself.
COMMAND_LINE = "command line"
_HEAD = 1


class AuditBroken(TraceObjectError):
    """The audit was changed after it was written."""


class Audit:
    """Who did what, and when. Safe from any thread and process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, who: str, *, within: Connection | None = None, **told: Any) -> None:
        """Write a record; `told` is plain data.

        Args:
            within: a transaction of the same database: what it changes is written with the record, or neither is.

        Raises:
            WorkspaceError: it cannot be written.
        """
        with self._transaction(within) as connection:
            first = {"id": _HEAD, "number": 0, "sha256": START}
            # The first statement writes, so that no other program can append between reading the head and moving it.
            connection.execute(self._database.insert(audit_head).values(first).on_conflict_do_nothing())
            connection.execute(sa.update(audit_head).values(number=audit_head.c.number + 1))
            head = connection.execute(sa.select(audit_head)).one()
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            record = canonical({"number": head.number, "at": at, "who": who, "kind": kind, **told})
            seal = sealed(head.sha256, record)
            connection.execute(sa.insert(audit).values(number=head.number, record=record, sha256=seal))
            connection.execute(sa.update(audit_head).values(sha256=seal))

    def verify(self) -> tuple[int, str]:
        """Check the whole chain: how many records it has, and the SHA-256 of the last.

        Raises:
            AuditBroken: a record was changed, added or taken away; it says where.
        """
        number, former = 0, START
        with self._read(lambda: number) as connection:
            # One statement, so that records written meanwhile neither lack nor surprise.
            joined = sa.select(
                audit, audit_head.c.number.label("length"), audit_head.c.sha256.label("head")
            ).select_from(audit.outerjoin(audit_head, audit_head.c.id == _HEAD))
            told: tuple[int, str] | None = None
            for row in connection.execute(joined.order_by(audit.c.number)):
                number += 1
                if row.number != number:
                    raise AuditBroken(f"record {number} is missing")
                if row.sha256 != sealed(former, row.record) or _number(row.record) != number:
                    raise AuditBroken(f"record {number} was changed")
                former, told = row.sha256, (row.length, row.head)
            if told is None:
                head = connection.execute(sa.select(audit_head)).first()
                told = (head.number, head.sha256) if head else (0, START)
        if told != (number, former):
            raise AuditBroken(f"the audit ends at record {number}, and its head tells of {told[0] or 0} records")
        return number, former

    def records(self, after: int = 0, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """The records that follow number `after`, oldest first.

        Raises:
            AuditBroken: one cannot be read.
        """
        number = after
        asked = sa.select(audit.c.number, audit.c.record).where(audit.c.number > after)
        with self._read(lambda: number) as connection:
            for row in connection.execute(asked.order_by(audit.c.number).limit(limit)):
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
        """A connection to read with; `last` tells which record was read last."""
        try:
            with self._database.connect() as connection:
                yield connection
        except WorkspaceError as error:
            # Bytes that are no text, for one: the database's own words say which fault it is.
            raise AuditBroken(f"what follows record {last()} cannot be read: {error}") from error


def canonical(record: dict[str, Any]) -> str:
    """JSON with one spelling for one content: keys sorted, no space, nothing but ASCII."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sealed(former: str, record: str) -> str:
    return hashlib.sha256(former.encode() + record.encode()).hexdigest()


def _number(record: str) -> object:
    return json.loads(record).get("number")


def _record(number: int, text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise AuditBroken(f"record {number} was changed: {error}") from error
    if not isinstance(told, dict):
        raise AuditBroken(f"record {number} was changed: it is no record")
    return told
