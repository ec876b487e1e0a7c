"""Leads kept and changed through a form, of a page or of the API."""

from __future__ import annotations

from index.errors import QueryInvalid
from index.generations.generations import Generation
from service.accounts.roles import Visitor
from service.app.elimination import family_evidence
from service.app.find_entry import entry_named
from service.app.leads import CANDIDATE_STATES, LeadRecord
from service.app.services import Services


def keep(
    fields: dict[str, str], services: Services, generation: Generation, visitor: Visitor
) -> tuple[LeadRecord, bool]:
    """Keep the product that a form names as a lead; the lead, and whether anything was written.

    A form that names a state too decides at once: the lead is brought into it, whether it was kept just now or before.

    Raises as `Leads.keep`, `Leads.change` and `entry_named` do.
    """
    state = fields.get("state", "")
    if state and (state not in CANDIDATE_STATES or not fields.get("product_id")):
        raise QueryInvalid(f"state {state[:40]!r}: a product can be kept as {', '.join(CANDIDATE_STATES)}")
    if "object_id" not in fields:
        raise QueryInvalid("object_id is missing: which object is it kept for?")
    object_entry = entry_named(generation, "objects", fields["object_id"], fields.get("object_source"))
    product_id = fields.get("product_id")
    product = entry_named(generation, "catalogue", product_id, fields.get("source")) if product_id else None
    lead, written = services.leads.keep(
        object_entry,
        product,
        visitor.name,
        generation.number,
        image=fields.get("picture", ""),
        note=fields.get("note", ""),
        query_id=_query_id(fields),
    )
    if state and state != lead.state:
        return change(lead.id, {**fields, "note": ""}, services, generation, visitor), True
    return lead, written


def change(
    lead_id: int, fields: dict[str, str], services: Services, generation: Generation, visitor: Visitor
) -> LeadRecord:
    """Change a lead by a form's fields. Raises as `Leads.change` does.

    That a product is sold too widely is recorded with where and when its family was sold, and with the search that the
    lead is based on, unless the form names another: so it can be replayed.
    """
    state, query_id, evidence = fields.get("state", ""), _query_id(fields), None
    if state == "sold_too_widely":
        lead = services.leads.get(lead_id)
        query_id = query_id or lead.query_id
        if not lead.finding and lead.state != state:
            evidence = family_evidence(lead, generation)
    return services.leads.change(
        lead_id,
        visitor.name,
        generation.number,
        state=state,
        note=fields.get("note", ""),
        query_id=query_id,
        evidence=evidence,
    )


def _query_id(fields: dict[str, str]) -> str:
    if len(fields.get("query_id", "")) > 64:
        raise QueryInvalid("query_id is longer than any query's")
    return fields.get("query_id", "")
