"""/healthz, /readyz and /metrics for monitoring, and /problems, to which the `type` of a problem links."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from index.errors import UnknownEntry
from service.accounts.access import VisitorDep
from service.accounts.roles import Role
from service.addresses import is_loopback
from service.api.openapi import problems
from service.api.schemas import LivenessResponse, ProblemKindResponse, ReadinessResponse
from service.http.dependencies import GenerationDep, ServicesDep
from service.problems import KINDS, NOT_FOUND, NOT_READY, STALE, STALE_SECONDS, UNAVAILABLE, Problem, unavailable
from service.reports.staleness import stale_since

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?", response_model=LivenessResponse)
async def healthz() -> JSONResponse:
    """Answers as long as the process runs; it does not check the index."""
    return JSONResponse({"status": "alive"})


Stale = Annotated[
    Literal["fail", "pass"],
    Query(
        description="`pass` answers 200 for a stale index, too: for load balancers, for it is stale on every server."
    ),
]


@router.get(
    "/readyz",
    summary="Are searches answered?",
    response_model=ReadinessResponse,
    responses=problems(NOT_READY, STALE, UNAVAILABLE),
)
def readyz(services: ServicesDep, generation: GenerationDep, stale: Stale = "fail") -> JSONResponse:
    """Which generation answers, with which model; 503 until there is one, and when it is stale.

    Stale, with the reason INDEX-STALE, is an index whose last successful re-index is longer ago than the setting
    `stale_hours`; searches are answered all the same. Without any recorded run the index is never stale.
    `fault` is why a newer generation was refused; the one named here goes on answering. 503 too, as `unavailable`,
    while the database or the engine with the vectors does not answer, and when the server is about to stop: send it no
    more requests then.
    """
    if services.stopping.now:
        raise unavailable("this server is stopping")
    # Raises where the database does not answer.
    services.accounts.exist()
    # Raises where a search would.
    generation.require_searchable()
    if stale == "fail" and (ended := stale_since(services.workspace)):
        hours = services.workspace.settings.stale_hours
        detail = f"the last successful re-index ended {ended.isoformat(timespec='seconds')}, over {hours:g} h ago"
        raise Problem(STALE, detail, headers={"Retry-After": str(STALE_SECONDS)}, reason="INDEX-STALE")
    manifest = generation.manifest
    return JSONResponse(
        {
            "status": "ready",
            "generation": manifest.generation,
            "model": manifest.model,
            "created": manifest.created,
            "fault": services.live.fault,
        }
    )


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Metrics for Prometheus: for clients on this machine, and for administrators."""
    forwarded = {"forwarded", "x-forwarded-for"} & set(request.headers)
    if forwarded or request.client is None or not is_loopback(request.client.host):
        visitor.require(Role.ADMINISTRATOR)
    return Response(services.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/problems/{name}",
    summary="What to do about a problem",
    response_model=ProblemKindResponse,
    responses=problems(NOT_FOUND),
)
async def problem(name: str) -> JSONResponse:
    """The meaning of a problem's `type`, and what to do about it."""
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownEntry(f"no problem is called {name[:50]!r}; there are {', '.join(KINDS)}")
    return JSONResponse({"type": kind.type, "title": kind.title, "status": kind.status, "advice": kind.advice})
