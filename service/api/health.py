"""/healthz and /readyz, for whatever watches the process, and /problems, where the types of problems lead."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from index.errors import UnknownEntry
from service.api.dependencies import LiveOne, TheServices
from service.api.openapi import problems
from service.api.schemas import Alive, ProblemKind, Ready
from service.problems import KINDS, NOT_FOUND, NOT_READY

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?", response_model=Alive)
async def healthz() -> JSONResponse:
    """Answers as long as the process does; says nothing of the index."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="Are searches answered?", response_model=Ready, responses=problems(NOT_READY))
async def readyz(services: TheServices, generation: LiveOne) -> JSONResponse:
    """Which generation answers, with which model; 503 until there is one.

    `fault` tells why what was published last was not taken; the generation named goes on answering then.
    """
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


@router.get(
    "/problems/{name}", summary="What to do about a problem", response_model=ProblemKind, responses=problems(NOT_FOUND)
)
async def problem(name: str) -> JSONResponse:
    """What the `type` of a problem means."""
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownEntry(f"no problem is called {name[:50]!r}; there are {', '.join(KINDS)}")
    return JSONResponse({"type": kind.type, "title": kind.title, "status": kind.status, "advice": kind.advice})
