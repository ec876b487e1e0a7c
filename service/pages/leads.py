"""Leads on the workbench: list them, keep one, change its state."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.accounts.access import VisitorDep
from service.app.lead_form import change, keep
from service.app.leads import STATES, LeadRecord, State
from service.app.leads_table import MEDIA_TYPES, TableFormat, render_leads
from service.http.dependencies import GenerationDep, ServicesDep
from service.http.upload import form_of
from service.pages.errors import PageRoute
from service.pages.rendering import page

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

ON_A_PAGE = 200
_KEEP_FIELDS = ("object_id", "object_source", "product_id", "source", "picture", "note", "query_id", "state", "then")
_CHANGE_FIELDS = ("state", "note", "then")


@router.get("/leads")
def all_leads(request: Request, services: ServicesDep, state: Annotated[State | Literal[""], Query()] = "") -> Response:
    """Every lead, the last changed first."""
    found = services.leads.all(state)
    return page(
        request, "work_leads.html", leads=found[:ON_A_PAGE], total=len(found), state=state, states=STATES,
        address=object_page,
    )  # fmt: skip


@router.get("/leads.{kind}")
def leads_table(
    kind: TableFormat,
    services: ServicesDep,
    visitor: VisitorDep,
    state: Annotated[State | Literal[""], Query()] = "",
) -> Response:
    """The leads as a table; each download is recorded in the audit."""
    body = render_leads(services.leads.all(state), kind, services, visitor)
    headers = {"Content-Disposition": f'attachment; filename="traceobject-leads.{kind}"'}
    return Response(body, media_type=MEDIA_TYPES[kind], headers=headers)


@router.post("/leads")
async def keep_lead(
    request: Request, services: ServicesDep, generation: GenerationDep, visitor: VisitorDep
) -> Response:
    """Keep a candidate for an object, or record that there is none; then show the object, or the queue."""
    fields = await form_of(request, services.limits, services.reserved_bytes, _KEEP_FIELDS)
    lead, _ = await anyio.to_thread.run_sync(partial(keep, fields, services, generation, visitor))
    return RedirectResponse(_next_page(fields, lead), 303)


@router.post("/leads/{lead_id}")
async def change_lead(
    request: Request,
    lead_id: Annotated[int, Path(ge=1, le=2**53)],
    services: ServicesDep,
    generation: GenerationDep,
    visitor: VisitorDep,
) -> Response:
    """Change a lead's state or add a note; then show the object, or the queue."""
    fields = await form_of(request, services.limits, services.reserved_bytes, _CHANGE_FIELDS)
    lead = await anyio.to_thread.run_sync(partial(change, lead_id, fields, services, generation, visitor))
    return RedirectResponse(_next_page(fields, lead), 303)


def _next_page(fields: dict[str, str], lead: LeadRecord) -> str:
    return "/workbench/queue" if fields.get("then") == "queue" else object_page(lead)


def object_page(lead: LeadRecord) -> str:
    """The URL of a lead on its object's page."""
    url = f"/workbench/objects/{quote(lead.object_id, safe='/')}?source={quote(lead.object_source, safe='')}"
    return f"{url}#lead-{lead.id}"
