"""/healthz, /readyz and /metrics, for whatever watches the process, and /problems, where the types of problems lead."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from index.errors import UnknownEntry
from service.accounts.access import TheVisitor
from service.accounts.roles import Role
from service.addresses import is_loopback
from service.api.openapi import problems
from service.api.schemas import Alive, ProblemKind, Ready
from service.http.dependencies import LiveOne, TheServices
from service.problems import KINDS, NOT_FOUND, NOT_READY, STALE, STALE_SECONDS, Problem
from service.reports.staleness import stale_since

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?", response_model=Alive)
async def healthz() -> JSONResponse:
    """Answers as long as the process does; says nothing of the index."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="Are searches answered?", response_model=Ready, responses=problems(NOT_READY, STALE))
def readyz(services: TheServices, generation: LiveOne) -> JSONResponse:
    """Which generation answers, with which model; 503 until there is one, and when it is stale.

    Stale, with the reason INDEX-STALE, is an index whose last re-index that went well is longer ago than the setting
    `stale_hours`; searches are answered all the same. Where no night was ever kept, nothing is stale.
    `fault` tells why what was published last was not taken; the generation named goes on answering then.
    """
    if ended := stale_since(services.workspace):
        hours = services.workspace.settings.stale_hours
        told = f"the last re-index that went well ended {ended.isoformat(timespec='seconds')}, over {hours:g} h ago"
        raise Problem(STALE, told, headers={"Retry-After": str(STALE_SECONDS)}, reason="INDEX-STALE")
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
async def metrics(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """What Prometheus reads: for this machine itself, and for administrators."""
    forwarded = {"forwarded", "x-forwarded-for"} & set(request.headers)
    if forwarded or request.client is None or not is_loopback(request.client.host):
        visitor.require(Role.ADMINISTRATOR)
    return Response(services.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/problems/{name}", summary="What to do about a problem", response_model=ProblemKind, responses=problems(NOT_FOUND)
)
async def problem(name: str) -> JSONResponse:
    """What the `type` of a problem means."""
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownEntry(f"no problem is called {name[:50]!r}; there are {', '.join(KINDS)}")
    return JSONResponse({"type": kind.type, "title": kind.title, "status": kind.status, "advice": kind.advice})
