"""/v1/leads: the candidates kept for objects, and their states."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from service.accounts.access import VisitorDep
from service.api.openapi import form, problems
from service.api.schemas import LeadListResponse, LeadResponse
from service.app.lead_form import change, keep
from service.app.leads import CANDIDATE_STATES, MAX_NOTE, STATES, State
from service.app.leads_table import MEDIA_TYPES, TableFormat, render_leads
from service.http.dependencies import GenerationDep, ServicesDep
from service.http.upload import form_of
from service.problems import (
    AMBIGUOUS,
    FORBIDDEN,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    NOT_MULTIPART,
    NOT_READY,
    SIGN_IN_NEEDED,
    TOO_LARGE,
    TOO_SLOW,
)

router = APIRouter(tags=["leads"])

# A database row id; the bound keeps it within every database's integers.
LeadNumber = Annotated[int, Path(ge=1, le=2**53)]
OfObject = Annotated[str, Query(max_length=500, description="Of this object alone.")]
OfSource = Annotated[str, Query(max_length=500, description="And of this source's.")]
InState = Annotated[State | None, Query(description="In this state alone.")]
_FORM_PROBLEMS = problems(
    MALFORMED, SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, TOO_SLOW, AMBIGUOUS, TOO_LARGE, NOT_MULTIPART, INVALID, NOT_READY
)  # fmt: skip
_TEXT = {"type": "string", "maxLength": 500}
_COMMON_FIELDS: dict[str, Any] = {
    "note": {"type": "string", "maxLength": MAX_NOTE, "description": "A remark.", "example": "Same seam."},
    "query_id": {
        **_TEXT,
        "description": "The search it is based on.",
        "example": "4f9c2d0e-7a51-4c0b-9d57-5f2f3f1f8f10",
    },
}
_KEEP_FIELDS: dict[str, Any] = {
    "object_id": {**_TEXT, "description": "The object it is kept for.", "example": "2024-017"},
    "object_source": {**_TEXT, "description": "Its source, where several use the id.", "example": "europol"},
    "product_id": {
        **_TEXT,
        "description": "The product. Without one it is the finding that the object is not in the catalogue.",
        "example": "A-1001",
    },
    "source": {**_TEXT, "description": "The product's source, where several use the id.", "example": "luma-2024"},
    "picture": {
        "type": "string",
        "description": "The product's best matching picture, by SHA-256; by default its first.",
    },
    "state": {
        "type": "string",
        "enum": list(CANDIDATE_STATES),
        "description": "Decide on the product at once; by default the lead is open.",
    },
    **_COMMON_FIELDS,
}
_CHANGE_FIELDS: dict[str, Any] = {
    "state": {"type": "string", "enum": list(STATES), "description": "The new state; by default it stays."},
    **_COMMON_FIELDS,
}


@router.get(
    "/v1/leads",
    summary="Leads, the last changed first",
    response_model=LeadListResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, INVALID),
)
def list_leads(
    services: ServicesDep,
    object_id: OfObject = "",
    object_source: OfSource = "",
    state: InState = None,
) -> JSONResponse:
    """Every lead that fits, with its history."""
    found = services.leads.all(state or "", object_id, object_source)
    return JSONResponse({"leads": [lead.to_json() for lead in found]})


@router.get(
    "/v1/leads.{kind}",
    summary="Leads as a table, CSV or XLSX",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {media.partition(";")[0]: {} for media in MEDIA_TYPES.values()}},
        **problems(SIGN_IN_NEEDED, FORBIDDEN, INVALID),
    },
)
def leads_table(
    kind: Annotated[TableFormat, Path(description="The file format.")],
    services: ServicesDep,
    visitor: VisitorDep,
    object_id: OfObject = "",
    object_source: OfSource = "",
    state: InState = None,
) -> Response:
    """Every lead that fits, one a row, with what it is based on; each download is recorded in the audit.

    No cell is run as a formula: in CSV one that could be begins with an apostrophe, in XLSX all are marked as text.
    """
    body = render_leads(services.leads.all(state or "", object_id, object_source), kind, services, visitor)
    headers = {"Content-Disposition": f'attachment; filename="traceobject-leads.{kind}"'}
    return Response(body, media_type=MEDIA_TYPES[kind], headers=headers)


@router.post(
    "/v1/leads",
    summary="Keep a candidate, or find that there is none",
    status_code=201,
    response_model=LeadResponse,
    responses={200: {"model": LeadResponse, "description": "It is already kept."}, **_FORM_PROBLEMS},
    openapi_extra=form(_KEEP_FIELDS, ("object_id",)),
)
async def keep_lead(
    request: Request, services: ServicesDep, generation: GenerationDep, visitor: VisitorDep
) -> JSONResponse:
    """Keep a product of the live generation as a lead of an object. A product that is already kept stays as it is.

    Without a product it records that the object is not in the catalogue, which closes the line of inquiry.
    """
    fields = await form_of(request, services.limits, services.reserved_bytes, tuple(_KEEP_FIELDS))
    lead, new = await anyio.to_thread.run_sync(partial(keep, fields, services, generation, visitor))
    return JSONResponse(lead.to_json(), 201 if new else 200)


@router.get(
    "/v1/leads/{lead_id}",
    summary="One lead",
    response_model=LeadResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, INVALID),
)
def one_lead(lead_id: LeadNumber, services: ServicesDep) -> JSONResponse:
    """A lead with its history."""
    return JSONResponse(services.leads.get(lead_id).to_json())


@router.post(
    "/v1/leads/{lead_id}",
    summary="Change a lead's state, or add a note",
    response_model=LeadResponse,
    responses=_FORM_PROBLEMS,
    openapi_extra=form(_CHANGE_FIELDS),
)
async def change_lead(
    request: Request, lead_id: LeadNumber, services: ServicesDep, generation: GenerationDep, visitor: VisitorDep
) -> JSONResponse:
    """Confirm it, rule it out, open it again, or add a note. Former states stay in its history.

    `sold_too_widely` is a result too: the product is identified, and sold in so many places that it leads nowhere. It
    is recorded with where and when the product's family was sold.
    """
    fields = await form_of(request, services.limits, services.reserved_bytes, tuple(_CHANGE_FIELDS))
    lead = await anyio.to_thread.run_sync(partial(change, lead_id, fields, services, generation, visitor))
    return JSONResponse(lead.to_json())
