"""Decisions that later searches meet again: how widely a product's family was sold, and who decided on it before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    source: str
    product_id: str
    who: str
    at: str


def sale_evidence(family: Availability) -> dict[str, Any]:
    """Where and when a family was sold, as plain data."""
    return {
        "entries": family.entries,
        "retailers": list(family.retailers),
        "countries": list(family.countries),
        "first_seen": family.first_seen,
        "last_seen": family.last_seen,
    }


def family_evidence(lead: LeadRecord, generation: Generation) -> dict[str, Any]:
    """Where and when the family of a lead's product was sold, by a generation.

    A product that the generation no longer has is a family of its own, by the fields that were kept with the lead.
    """
    found = _product(lead.source, lead.product_id, generation)
    family = generation.records.family(found.id) if found else [_as_kept(lead)]
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
    by_family = decisions_by_family(leads.decided(), generation)
    if not by_family:
        return {}
    found = {
        candidate.rank: tuple(
            decision
            for decision in by_family.get(_family(candidate.entry.id, generation), ())
            if (decision.object_source, decision.object_id, decision.source, decision.product_id)
            != (*of_object, candidate.entry.source, candidate.entry.fields.entry_id)
        )
        for candidate in answer.candidates
    }
    return {rank: decisions for rank, decisions in found.items() if decisions}


def decisions_by_family(decided: Iterable[LeadRecord], generation: Generation) -> dict[int, list[EarlierDecision]]:
    """Decisions by the family of their product, the last first; products that a generation lacks are left out."""
    found: dict[int, list[EarlierDecision]] = {}
    for lead in sorted(decided, key=lambda lead: lead.decision.at, reverse=True):
        family = family_of(lead.source, lead.product_id, generation)
        if family is not None:
            found.setdefault(family, []).append(_decision(lead))
    return found


def family_of(source: str, product_id: str, generation: Generation) -> int | None:
    """The family of a product, named by its smallest member; None for one that a generation does not have."""
    found = _product(source, product_id, generation)
    return _family(found.id, generation) if found else None


def _product(source: str, product_id: str, generation: Generation) -> Entry | None:
    if not product_id:
        return None
    found = generation.records.find("catalogue", product_id)
    return next((entry for entry in found if entry.source == source), None)


def _family(entry: int, generation: Generation) -> int:
    return min(member.id for member in generation.records.family(entry))


def _decision(lead: LeadRecord) -> EarlierDecision:
    made = lead.decision
    of_object = (lead.object_source, lead.object_id)
    return EarlierDecision(lead.id, made.state, *of_object, lead.source, lead.product_id, made.who, made.at)


def _as_kept(lead: LeadRecord) -> Entry:
    known = {name: text for name, text in lead.product_fields.items() if name in EntryFields.__dataclass_fields__}
    return Entry(0, "catalogue", lead.source, EntryFields(lead.product_id, **known), ())
