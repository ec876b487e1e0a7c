"""A lead kept or changed as a form says."""

from __future__ import annotations

from index.errors import QueryInvalid
from index.generations.generations import Generation
from service.accounts.roles import Visitor
from service.app.find_entry import entry_named
from service.app.leads import Lead
from service.app.services import Services


def keep(told: dict[str, str], services: Services, generation: Generation, visitor: Visitor) -> tuple[Lead, bool]:
    """Keep what a form names, and whether that is new. Raises as `Leads.keep` and `entry_named` do."""
    if "object_id" not in told:
        raise QueryInvalid("object_id is missing: which object is it kept for?")
    wanted = entry_named(generation, "objects", told["object_id"], told.get("object_source"))
    product_id = told.get("product_id")
    product = entry_named(generation, "catalogue", product_id, told.get("source")) if product_id else None
    return services.leads.keep(
        wanted,
        product,
        visitor.name,
        generation.number,
        image=told.get("picture", ""),
        note=told.get("note", ""),
        query_id=_query_id(told),
    )


def change(lead_id: int, told: dict[str, str], services: Services, generation: Generation, visitor: Visitor) -> Lead:
    """Change a lead as a form says. Raises as `Leads.change` does."""
    return services.leads.change(
        lead_id,
        visitor.name,
        generation.number,
        state=told.get("state", ""),
        note=told.get("note", ""),
        query_id=_query_id(told),
    )


def _query_id(told: dict[str, str]) -> str:
    if len(told.get("query_id", "")) > 64:
        raise QueryInvalid("query_id is longer than any query's")
    return told.get("query_id", "")
