"""/v1/sources and /v1/held: the state of the sources, and the quarantined crops."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from index.records.overview import SourceState
from service.accounts.access import VisitorDep
from service.api.openapi import problems
from service.api.schemas import CropApprovalResponse, QuarantinedCropListResponse, SourceListResponse
from service.http.dependencies import ServicesDep
from service.problems import FORBIDDEN, INVALID, NOT_FOUND, SIGN_IN_NEEDED, WORKSPACE_BUSY

router = APIRouter(tags=["curating"])


@router.get(
    "/v1/sources",
    summary="Every source, and what was refused of it",
    response_model=SourceListResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN),
)
def list_sources(services: ServicesDep) -> JSONResponse:
    """What each source has now, and what its last reading left out."""
    return JSONResponse({"sources": [_source(state) for state in services.desk.sources()]})


@router.get(
    "/v1/held",
    summary="Published crops that seem to show a face",
    response_model=QuarantinedCropListResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN),
)
def list_held(services: ServicesDep) -> JSONResponse:
    """The quarantined crops. The pictures are not kept: look at them where they are published."""
    return JSONResponse({"held": [{**asdict(one), "title": one.title or None} for one in services.desk.quarantined()]})


@router.post(
    "/v1/held/{sha256}",
    summary="Approve a quarantined crop",
    response_model=CropApprovalResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, WORKSPACE_BUSY, INVALID),
)
def let_in(sha256: str, services: ServicesDep, visitor: VisitorDep) -> JSONResponse:
    """Approve a crop that shows a doll or a print, no person. The next re-index takes it; who approved is recorded."""
    services.desk.approve(sha256, visitor.name)
    return JSONResponse({"sha256": sha256, "let_in": True})


def _source(state: SourceState) -> dict[str, Any]:
    return {
        "name": state.source.name,
        "collection": state.source.collection,
        "authorities": list(state.authorities),
        "read_on": state.source.read_on or None,
        "entries": state.entries,
        "pictures": state.pictures,
        "refused": state.refused,
        "reasons": [{"reason": reason, "count": count} for reason, count in state.reasons],
        "refusals": [asdict(refusal) for refusal in state.refusals],
    }
