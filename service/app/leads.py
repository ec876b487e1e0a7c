"""Leads: the candidates that investigators keep for an object, each with the history of its states.

A lead without a product is the finding that an object is not in the catalogue: it closes a line of inquiry, which may
be opened again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.errors import UnknownEntry
from index.generations.generations import now
from index.jobs.forget import ForgetTarget, Traces
from index.records.database import Database
from index.records.entries import Entry, split_values
from service.app.audit import Audit
from service.problems import INVALID, Problem
from service.tables import lead_changes, leads

State = Literal["open", "confirmed", "ruled_out", "sold_too_widely", "not_in_catalogue"]
STATES: tuple[State, ...] = get_args(State)
# "sold_too_widely": the product is identified, and sold in so many places that it leads nowhere.
CANDIDATE_STATES: tuple[State, ...] = ("open", "confirmed", "ruled_out", "sold_too_widely")
DECIDED: tuple[State, ...] = ("confirmed", "ruled_out", "sold_too_widely")
FINDING_STATES: tuple[State, ...] = ("not_in_catalogue", "open")
MAX_NOTE = 4000
# Fields copied from the product, so that a lead can be followed after the product has left the catalogue.
_PRODUCT_FIELDS = (
    *("title", "brand", "retailer", "country", "category", "price", "link", "first_seen", "last_seen"),
    *("variant_group", "licence", "source_page"),
)
# The JSON names of the lists of values, and the fields that hold them.
_LISTS = {"brands": "brand", "countries": "country", "made_in": "made_in", "gtins": "gtin"}
_COPIED = (*_PRODUCT_FIELDS, "made_in", "gtin")


@dataclass(frozen=True)
class LeadChange:
    """One entry of a lead's history. `at` is ISO 8601 in UTC; `query_id` names the search it is based on, "" if none.

    `generation` is the one that was live at that time. `evidence` of "sold_too_widely": where and when the product's
    family was sold by that generation (entries, retailers, countries, first_seen, last_seen); of other states it is
    empty.
    """

    at: str
    who: str
    state: State
    note: str
    generation: int
    query_id: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LeadRecord:
    """A candidate kept for an object or, without a product, the finding that there is none; `changes` oldest first.

    `product_fields` are the product's fields at the time it was kept.
    """

    id: int
    object_source: str
    object_id: str
    source: str
    product_id: str
    image: str
    product_fields: Mapping[str, str]
    changes: tuple[LeadChange, ...]

    @property
    def state(self) -> State:
        return self.changes[-1].state

    @property
    def decision(self) -> LeadChange:
        """The change that brought the lead into its state; later ones only added notes."""
        last = self.changes[-1]
        for change in reversed(self.changes):
            if change.state != last.state:
                break
            last = change
        return last

    @property
    def query_id(self) -> str:
        """The search that the lead is based on: that of its last change which names one."""
        return next((change.query_id for change in reversed(self.changes) if change.query_id), "")

    @property
    def finding(self) -> bool:
        """Whether the lead states that the object is not in the catalogue."""
        return not self.product_id

    @property
    def states(self) -> tuple[State, ...]:
        """The states that this lead may have."""
        return FINDING_STATES if self.finding else CANDIDATE_STATES

    @property
    def title(self) -> str:
        return self.product_fields.get("title") or self.product_id

    def to_json(self) -> dict[str, Any]:
        """The lead as plain data; what is unknown is null."""
        product = {"product_id": self.product_id, "source": self.source, "image": self.image}
        fields: dict[str, Any] = {name: self.product_fields.get(name) or None for name in _PRODUCT_FIELDS}
        fields |= {listed: list(split_values(self.product_fields.get(name, ""))) for listed, name in _LISTS.items()}
        return {
            "id": self.id,
            "object": {"object_id": self.object_id, "source": self.object_source},
            "product": None if self.finding else {**product, **fields},
            "state": self.state,
            "changes": [
                {**asdict(change), "query_id": change.query_id or None, "evidence": _evidence_json(change.evidence)}
                for change in self.changes
            ],
        }


class Leads:
    """The leads of a workspace; every change is recorded in the audit as well. Safe from any thread."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database, self._audit = database, audit

    def keep(
        self, object_entry: Entry, product: Entry | None, who: str, generation: int, *, image: str = "", note: str = "",
        query_id: str = "",
    ) -> tuple[LeadRecord, bool]:  # fmt: skip
        """Keep a product as a lead of an object, or, without one, that the object is not in the catalogue.

        A product that is already kept stays as it is; a finding gets one more entry, of this generation.

        Args:
            image: the product's best matching picture, by SHA-256; its first one by default.

        Returns:
            the lead, and whether anything was written.

        Raises:
            Problem: the note is too long, or the picture is not the product's.
        """
        _require_note(note)
        if product is not None and image and image not in product.images:
            raise Problem(INVALID, f"the product {product.fields.entry_id!r} has no picture {image[:64]!r}")
        row = {
            "object_source": object_entry.source,
            "object_id": object_entry.fields.entry_id,
            "source": product.source if product else "",
            "product_id": product.fields.entry_id if product else "",
            "image": image or next(iter(product.images), "") if product else "",
            "product_fields": json.dumps({name: getattr(product.fields, name) for name in _COPIED} if product else {}),
        }
        state: State = "open" if product else "not_in_catalogue"
        with self._database.begin() as connection:
            made = self._database.insert_new(connection, leads, row)
            same = [leads.c[name] == row[name] for name in ("object_source", "object_id", "source", "product_id")]
            lead_id: int = connection.execute(sa.select(leads.c.id).where(*same)).scalar_one()
            if made or product is None:
                self._add_change(connection, lead_id, LeadChange(now(), who, state, note.strip(), generation, query_id))
        return self.get(lead_id), made or product is None

    def change(
        self, lead_id: int, who: str, generation: int, *, state: str = "", note: str = "", query_id: str = "",
        evidence: Mapping[str, Any] | None = None,
    ) -> LeadRecord:  # fmt: skip
        """Change a lead's state, or add a note, or both.

        Args:
            evidence: why it has that state, as plain data: LeadChange says for which.

        Raises:
            UnknownEntry: there is no such lead.
            Problem: it cannot have that state, nothing would change, or the note is too long.
        """
        lead = self.get(lead_id)
        _require_note(note)
        chosen = next((known for known in lead.states if known == (state or lead.state)), None)
        if chosen is None:
            raise Problem(INVALID, f"state {state[:40]!r}: this lead can be {', '.join(lead.states)}")
        if chosen == lead.state and not note.strip():
            raise Problem(INVALID, f"the lead is {chosen} already: change its state, or add a note")
        change = LeadChange(now(), who, chosen, note.strip(), generation, query_id, evidence or {})
        with self._database.begin() as connection:
            self._add_change(connection, lead_id, change)
        return self.get(lead_id)

    def get(self, lead_id: int) -> LeadRecord:
        """A lead by its number.

        Raises:
            UnknownEntry: there is none.
        """
        found = self._where(leads.c.id == lead_id)
        if not found:
            raise UnknownEntry(f"there is no lead {lead_id}")
        return found[0]

    def of_object(self, source: str, object_id: str) -> tuple[LeadRecord, ...]:
        """The leads of an object, in the order they were kept."""
        return self._where(leads.c.object_source == source, leads.c.object_id == object_id)

    def all(self, state: str = "", object_id: str = "", object_source: str = "") -> tuple[LeadRecord, ...]:
        """Every lead, or those in a state or of an object, the last changed first."""
        wanted = ((leads.c.object_id, object_id), (leads.c.object_source, object_source))
        of_object = [column == value for column, value in wanted if value]
        found = [lead for lead in self._where(*of_object) if state in ("", lead.state)]
        return tuple(sorted(found, key=lambda lead: (lead.changes[-1].at, lead.id), reverse=True))

    def decided(self) -> tuple[LeadRecord, ...]:
        """The leads on which a decision was made, in the order they were kept."""
        return tuple(lead for lead in self._where() if lead.state in DECIDED)

    def forget(self, traces: Traces) -> int:
        """Delete the leads of forgotten objects and products; how many. Their audit records stay."""
        forgotten = [lead.id for lead in self._where() if any(_matches(name, lead) for name in traces.targets)]
        with self._database.begin() as connection:
            for lead_id in forgotten:
                connection.execute(sa.delete(lead_changes).where(lead_changes.c.lead == lead_id))
                connection.execute(sa.delete(leads).where(leads.c.id == lead_id))
        return len(forgotten)

    def _add_change(self, connection: Connection, lead_id: int, change: LeadChange) -> None:
        values = {**asdict(change), "evidence": json.dumps(change.evidence) if change.evidence else ""}
        connection.execute(sa.insert(lead_changes).values(lead=lead_id, **values))
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
            **({"evidence": dict(change.evidence)} if change.evidence else {}),
        )

    def _where(self, *conditions: sa.ColumnElement[bool]) -> tuple[LeadRecord, ...]:
        select_leads = sa.select(leads).where(*conditions).order_by(leads.c.id)
        select_changes = sa.select(lead_changes).join(leads).where(*conditions).order_by(lead_changes.c.id)
        with self._database.connect() as connection:
            lead_rows, change_rows = connection.execute(select_leads).all(), connection.execute(select_changes).all()
        changes: dict[int, list[LeadChange]] = {}
        for row in change_rows:
            changes.setdefault(row.lead, []).append(_change(row))
        # A lead whose changes were deleted between the two statements is left out.
        return tuple(_lead(row, changes[row.id]) for row in lead_rows if row.id in changes)


def _lead(row: sa.Row[Any], changes: Sequence[LeadChange]) -> LeadRecord:
    identity = (row.id, row.object_source, row.object_id, row.source, row.product_id, row.image)
    return LeadRecord(*identity, json.loads(row.product_fields), tuple(changes))


def _change(row: sa.Row[Any]) -> LeadChange:
    evidence = json.loads(row.evidence) if row.evidence else {}
    return LeadChange(row.at, row.who, row.state, row.note, row.generation, row.query_id, evidence)


def _evidence_json(evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """Evidence with null for the days that are unknown; null without any."""
    days = {name: evidence.get(name) or None for name in ("first_seen", "last_seen")}
    return {**evidence, **days} if evidence else None


def _matches(name: ForgetTarget, lead: LeadRecord) -> bool:
    """Whether a lead's object or product is the one named, or of the source named where `name` has no entry id."""
    if name.collection == "objects":
        source, entry_id = lead.object_source, lead.object_id
    else:
        source, entry_id = lead.source, lead.product_id
    return name.source == source and name.entry_id in ("", entry_id)


def _require_note(note: str) -> None:
    if len(note) > MAX_NOTE:
        raise Problem(INVALID, f"a note may have {MAX_NOTE} characters, and this one has {len(note)}")
