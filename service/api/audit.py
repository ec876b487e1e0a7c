"""GET /v1/audit: the audit records, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from service.api.openapi import problems
from service.api.schemas import AuditPageResponse
from service.http.dependencies import ServicesDep
from service.problems import FORBIDDEN, INVALID, SIGN_IN_NEEDED

router = APIRouter(tags=["audit"])


@router.get(
    "/v1/audit",
    summary="The audit, oldest first",
    response_model=AuditPageResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, INVALID),
)
def read_audit(
    services: ServicesDep,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only records after this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JSONResponse:
    """Who did what, and when. `traceobject audit verify` checks that no record was changed."""
    found = list(services.audit.records(after, limit))
    return JSONResponse({"records": found, "next": found[-1]["number"] if len(found) == limit else None})
