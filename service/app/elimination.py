"""Decisions that later searches meet again: how widely a product's family was sold, and who decided on it before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from index.generations.families import Availability, availability
from index.generations.generations import Generation
from index.records.entries import Entry, EntryFields
from index.search.answer import Answer
from service.app.leads import LeadRecord, Leads, State


@dataclass(frozen=True)
class EarlierDecision:
    """What was decided on a product of a candidate's family, for which object, by whom and when (ISO 8601, UTC)."""

    lead: int
    state: State
    object_source: str
    object_id: str
    product_id: str
    who: str
    at: str


def sale_evidence(family: Availability) -> dict[str, Any]:
    """Where and when a family was sold, as plain data."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(family).items()}


def family_evidence(lead: LeadRecord, generation: Generation) -> dict[str, Any]:
    """Where and when the family of a lead's product was sold, by a generation.

    A product that the generation no longer has is a family of its own, by the fields that were kept with the lead.
    """
    found = _entries(lead, generation)
    family = generation.records.family(found[0].id) if found else [_as_kept(lead)]
    return sale_evidence(availability(family))


def earlier_decisions(
    answer: Answer, generation: Generation, leads: Leads, of_object: tuple[str, str] = ("", "")
) -> Mapping[int, tuple[EarlierDecision, ...]]:
    """The decisions on each candidate's family by the candidate's rank, the last first; ranks without any are left out.

    Args:
        of_object: (source, id) of the object that is worked on: its lead on the candidate itself is left out, for it
            is shown beside the candidate anyway.
    """
    if answer.collection != "catalogue" or not answer.candidates:
        return {}
    families: dict[int, list[LeadRecord]] = {}
    for lead in leads.decided():
        for entry in _entries(lead, generation):
            families.setdefault(_family(entry, generation), []).append(lead)
    if not families:
        return {}
    found = {
        candidate.rank: tuple(
            _decisions(families.get(_family(candidate.entry, generation), ()), candidate.entry, of_object)
        )
        for candidate in answer.candidates
    }
    return {rank: decisions for rank, decisions in found.items() if decisions}


def _decisions(
    decided: Iterable[LeadRecord], candidate: Entry, of_object: tuple[str, str]
) -> Iterable[EarlierDecision]:
    """Decisions, the last first, without the one on the candidate itself for the object that is worked on."""
    for lead in sorted(decided, key=lambda lead: lead.changes[-1].at, reverse=True):
        own = (lead.object_source, lead.object_id) == of_object
        if own and (lead.source, lead.product_id) == (candidate.source, candidate.fields.entry_id):
            continue
        last = lead.decision
        yield EarlierDecision(
            lead.id, last.state, lead.object_source, lead.object_id, lead.product_id, last.who, last.at
        )


def _entries(lead: LeadRecord, generation: Generation) -> list[Entry]:
    return [entry for entry in generation.records.find("catalogue", lead.product_id) if entry.source == lead.source]


def _family(entry: Entry, generation: Generation) -> int:
    """The family of an entry, named by its smallest member."""
    return min(member.id for member in generation.records.family(entry.id))


def _as_kept(lead: LeadRecord) -> Entry:
    known = {name: text for name, text in lead.product_fields.items() if name in EntryFields.__dataclass_fields__}
    return Entry(0, "catalogue", lead.source, EntryFields(lead.product_id, **known), ())
