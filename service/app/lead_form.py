"""Leads kept and changed through a form, of a page or of the API."""

from __future__ import annotations

from index.errors import QueryInvalid
from index.generations.generations import Generation
from service.accounts.roles import Visitor
from service.app.find_entry import entry_named
from service.app.leads import LeadRecord
from service.app.services import Services


def keep(
    fields: dict[str, str], services: Services, generation: Generation, visitor: Visitor
) -> tuple[LeadRecord, bool]:
    """Keep the product that a form names as a lead; the lead, and whether anything was written.

    Raises as `Leads.keep` and `entry_named` do.
    """
    if "object_id" not in fields:
        raise QueryInvalid("object_id is missing: which object is it kept for?")
    object_entry = entry_named(generation, "objects", fields["object_id"], fields.get("object_source"))
    product_id = fields.get("product_id")
    product = entry_named(generation, "catalogue", product_id, fields.get("source")) if product_id else None
    return services.leads.keep(
        object_entry,
        product,
        visitor.name,
        generation.number,
        image=fields.get("picture", ""),
        note=fields.get("note", ""),
        query_id=_query_id(fields),
    )


def change(
    lead_id: int, fields: dict[str, str], services: Services, generation: Generation, visitor: Visitor
) -> LeadRecord:
    """Change a lead by a form's fields. Raises as `Leads.change` does."""
    return services.leads.change(
        lead_id,
        visitor.name,
        generation.number,
        state=fields.get("state", ""),
        note=fields.get("note", ""),
        query_id=_query_id(fields),
    )


def _query_id(fields: dict[str, str]) -> str:
    if len(fields.get("query_id", "")) > 64:
        raise QueryInvalid("query_id is longer than any query's")
    return fields.get("query_id", "")
