"""/v1/sources and /v1/held: how the sources stand, and the crops that wait for a curator."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from index.records.overview import SourceState
from service.accounts.access import TheVisitor
from service.api.openapi import problems
from service.api.schemas import HeldList, LetIn, SourceList
from service.http.dependencies import TheServices
from service.problems import FORBIDDEN, INVALID, NOT_FOUND, SIGN_IN_NEEDED, WORKSPACE_BUSY

router = APIRouter(tags=["curating"])


@router.get(
    "/v1/sources",
    summary="Every source, and what was refused of it",
    response_model=SourceList,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN),
)
def list_sources(services: TheServices) -> JSONResponse:
    """What each source has now, and what its last reading left out."""
    return JSONResponse({"sources": [_source(state) for state in services.desk.sources()]})


@router.get(
    "/v1/held",
    summary="Published crops that seem to show a face",
    response_model=HeldList,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN),
)
def list_held(services: TheServices) -> JSONResponse:
    """What the gate holds. The pictures are not kept: look at them where they are published."""
    return JSONResponse({"held": [{**asdict(one), "title": one.title or None} for one in services.desk.held()]})


@router.post(
    "/v1/held/{sha256}",
    summary="Let a held crop in",
    response_model=LetIn,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, WORKSPACE_BUSY, INVALID),
)
def let_in(sha256: str, services: TheServices, visitor: TheVisitor) -> JSONResponse:
    """Let a crop in that shows a doll or a print, no person. The next re-index takes it; who let it in is recorded."""
    services.desk.let_in(sha256, visitor.name)
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
