"""Leads: the candidates that investigators keep for an object, what became of them, and who said so when.

A lead without a product is the finding that an object is not in the catalogue: a line of inquiry that is closed, and
may be opened again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.errors import UnknownEntry
from index.generations.generations import now
from index.jobs.forget import ForgetTarget, Traces
from index.records.database import Database
from index.records.entries import Entry
from service.app.audit import Audit
from service.problems import INVALID, Problem
from service.tables import lead_changes, leads

State = Literal["open", "confirmed", "ruled_out", "not_in_catalogue"]
STATES: tuple[State, ...] = get_args(State)
OF_A_CANDIDATE: tuple[State, ...] = ("open", "confirmed", "ruled_out")
OF_A_FINDING: tuple[State, ...] = ("not_in_catalogue", "open")
MAX_NOTE = 4000
# What is kept of a product, so that a lead can be followed after the shop has taken it off its list.
_TOLD = ("title", "brand", "retailer", "country", "category", "price", "link", "first_seen", "last_seen")


@dataclass(frozen=True)
class Change:
    """What somebody said of a lead. `at` is ISO 8601 in UTC; `query_id` names the search it rests on, if there was one.

    `generation` is the one that was live then.
    """

    at: str
    who: str
    state: State
    note: str
    generation: int
    query_id: str


@dataclass(frozen=True)
class Lead:
    """A candidate kept for an object, or, without a product, that none was found; `changes` oldest first."""

    id: int
    object_source: str
    object_id: str
    source: str
    product_id: str
    image: str
    told: Mapping[str, str]
    changes: tuple[Change, ...]

    @property
    def state(self) -> State:
        return self.changes[-1].state

    @property
    def finding(self) -> bool:
        """Whether it says that the object is not in the catalogue."""
        return not self.product_id

    @property
    def states(self) -> tuple[State, ...]:
        """What it can be."""
        return OF_A_FINDING if self.finding else OF_A_CANDIDATE

    @property
    def title(self) -> str:
        return self.told.get("title") or self.product_id

    def to_json(self) -> dict[str, Any]:
        """The lead as plain data; what is not told is null."""
        product = {"product_id": self.product_id, "source": self.source, "image": self.image}
        about = {name: self.told.get(name) or None for name in _TOLD}
        return {
            "id": self.id,
            "object": {"object_id": self.object_id, "source": self.object_source},
            "product": None if self.finding else {**product, **about},
            "state": self.state,
            "changes": [{**asdict(change), "query_id": change.query_id or None} for change in self.changes],
        }


class Leads:
    """The leads of a workspace; every change of one is in the audit as well. Safe from any thread."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database, self._audit = database, audit

    def keep(
        self, wanted: Entry, product: Entry | None, who: str, generation: int, *, image: str = "", note: str = "",
        query_id: str = "",
    ) -> tuple[Lead, bool]:  # fmt: skip
        """Keep a product as a lead of an object, or, without one, that the object is not in the catalogue.

        A product that is kept already stays as it is; the finding is told once more, of this generation.

        Args:
            image: the product's picture that fits, by SHA-256; its first one by default.

        Returns:
            the lead, and whether anything was written.

        Raises:
            Problem: the note is too long, or the picture is not the product's.
        """
        _require_note(note)
        if product is not None and image and image not in product.images:
            raise Problem(INVALID, f"the product {product.fields.entry_id!r} has no picture {image[:64]!r}")
        row = {
            "object_source": wanted.source,
            "object_id": wanted.fields.entry_id,
            "source": product.source if product else "",
            "product_id": product.fields.entry_id if product else "",
            "image": image or next(iter(product.images), "") if product else "",
            "told": json.dumps({name: getattr(product.fields, name) for name in _TOLD} if product else {}),
        }
        state: State = "open" if product else "not_in_catalogue"
        with self._database.begin() as connection:
            made = connection.execute(self._database.insert(leads).values(row).on_conflict_do_nothing()).rowcount
            same = [leads.c[name] == row[name] for name in ("object_source", "object_id", "source", "product_id")]
            lead_id: int = connection.execute(sa.select(leads.c.id).where(*same)).scalar_one()
            if made or product is None:
                self._say(connection, lead_id, Change(now(), who, state, note.strip(), generation, query_id))
        return self.get(lead_id), bool(made or product is None)

    def change(
        self, lead_id: int, who: str, generation: int, *, state: str = "", note: str = "", query_id: str = ""
    ) -> Lead:
        """Say what became of a lead; without a state, the note alone is added.

        Raises:
            UnknownEntry: there is no such lead.
            Problem: it cannot be in that state, or nothing is said, or the note is too long.
        """
        lead = self.get(lead_id)
        _require_note(note)
        chosen = next((known for known in lead.states if known == (state or lead.state)), None)
        if chosen is None:
            raise Problem(INVALID, f"state {state[:40]!r}: this lead can be {', '.join(lead.states)}")
        if chosen == lead.state and not note.strip():
            raise Problem(INVALID, f"the lead is {chosen} already: change its state, or add a note")
        with self._database.begin() as connection:
            self._say(connection, lead_id, Change(now(), who, chosen, note.strip(), generation, query_id))
        return self.get(lead_id)

    def get(self, lead_id: int) -> Lead:
        """A lead by its number.

        Raises:
            UnknownEntry: there is none.
        """
        found = self._where(leads.c.id == lead_id)
        if not found:
            raise UnknownEntry(f"there is no lead {lead_id}")
        return found[0]

    def of_object(self, source: str, object_id: str) -> tuple[Lead, ...]:
        """The leads of an object, in the order they were kept."""
        return self._where(leads.c.object_source == source, leads.c.object_id == object_id)

    def all(self, state: str = "") -> tuple[Lead, ...]:
        """Every lead, or those in a state; what changed last comes first."""
        found = [lead for lead in self._where() if state in ("", lead.state)]
        return tuple(sorted(found, key=lambda lead: (lead.changes[-1].at, lead.id), reverse=True))

    def forget(self, traces: Traces) -> int:
        """Delete the leads that name the forgotten, objects or products; how many. The audit keeps that they were."""
        gone = [lead.id for lead in self._where() if any(_names(name, lead) for name in traces.targets)]
        with self._database.begin() as connection:
            for lead_id in gone:
                connection.execute(sa.delete(lead_changes).where(lead_changes.c.lead == lead_id))
                connection.execute(sa.delete(leads).where(leads.c.id == lead_id))
        return len(gone)

    def _say(self, connection: Connection, lead_id: int, change: Change) -> None:
        connection.execute(sa.insert(lead_changes).values(lead=lead_id, **asdict(change)))
        row = connection.execute(sa.select(leads).where(leads.c.id == lead_id)).one()
        self._audit.append(
            "lead",
            change.who,
            within=connection,
            lead=lead_id,
            object=[row.object_source, row.object_id],
            product=[row.source, row.product_id] if row.product_id else None,
            state=change.state,
            note=change.note,
            generation=change.generation,
            query_id=change.query_id,
        )

    def _where(self, *conditions: sa.ColumnElement[bool]) -> tuple[Lead, ...]:
        asked = sa.select(leads).where(*conditions).order_by(leads.c.id)
        changed = sa.select(lead_changes).join(leads).where(*conditions).order_by(lead_changes.c.id)
        with self._database.connect() as connection:
            rows, said = connection.execute(asked).all(), connection.execute(changed).all()
        of: dict[int, list[Change]] = {}
        for row in said:
            of.setdefault(row.lead, []).append(_change(row))
        # One that was kept between the two readings has no change yet.
        return tuple(_lead(row, of[row.id]) for row in rows if row.id in of)


def _lead(row: sa.Row[Any], changes: Sequence[Change]) -> Lead:
    identity = (row.id, row.object_source, row.object_id, row.source, row.product_id, row.image)
    return Lead(*identity, json.loads(row.told), tuple(changes))


def _change(row: sa.Row[Any]) -> Change:
    return Change(row.at, row.who, row.state, row.note, row.generation, row.query_id)


def _names(name: ForgetTarget, lead: Lead) -> bool:
    mine = (lead.object_source, lead.object_id) if name.collection == "objects" else (lead.source, lead.product_id)
    return name.source == mine[0] and name.entry_id in ("", mine[1])


def _require_note(note: str) -> None:
    if len(note) > MAX_NOTE:
        raise Problem(INVALID, f"a note may have {MAX_NOTE} characters, and this one has {len(note)}")
