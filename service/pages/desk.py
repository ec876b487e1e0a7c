"""The curator's desk: objects are published and changed, held crops let in, sources looked through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from embedding.errors import TraceObjectError
from index.search.answer import MAX_IMAGES
from index.sources.published import crops_of
from service.accounts.access import TheVisitor
from service.app.desk import CHANGED
from service.app.publishing import change, publish
from service.app.services import Services
from service.http.dependencies import TheServices
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.public import STATUSES
from service.pages.rendering import page
from service.problems import Problem, of_error

router = APIRouter(prefix="/curator", include_in_schema=False, route_class=PageRoute)

ON_A_PAGE = 48
SHOWN_OF_FEEDS = 100
SHOWN_HELD = 200
# A crop is named by its own bytes.
_KEEP = "private, max-age=31536000, immutable"
_FAULT = 500

# What was done a moment ago, told once above the list.
Done = Annotated[Literal["", "published", "changed", "let_in"], Query()]


@router.get("/objects")
def objects(
    request: Request, services: TheServices, start: Annotated[int, Query(ge=0, le=2**31)] = 0, done: Done = ""
) -> Response:
    """The form to publish an object, what was published here, and what the feeds tell."""
    return _objects(request, services, start=start, done=done)


@router.post("/objects")
async def publish_object(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """Publish an object; what is wrong is told above the form, which keeps all but the files."""
    async with upload_of(request, services.limits, services.held) as upload:
        try:
            await services.turns.run(lambda: publish(upload, services, visitor))
        except (Problem, TraceObjectError) as error:
            problem = error if isinstance(error, Problem) else of_error(error)
            if problem.status >= _FAULT:
                raise
            shown = partial(_objects, request, services, told=dict(upload.fields), wrong=problem)
            return await anyio.to_thread.run_sync(shown)
    return RedirectResponse("/curator/objects?done=published", 303)


@router.post("/objects/change")
async def change_object(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """Change an object that was published here."""
    async with upload_of(request, services.limits, services.held) as upload:
        told = upload.told(("authority", "object_id", *CHANGED), blank=True)
    await services.turns.run(lambda: change(told.get("object_id", ""), told, services, visitor))
    return RedirectResponse("/curator/objects?done=changed", 303)


@router.get("/crops/{sha256}")
def crop(sha256: str, services: TheServices) -> Response:
    """A crop that was published here, also before the next re-index."""
    return Response(services.desk.crop(sha256), media_type="image/jpeg", headers={"Cache-Control": _KEEP})


@router.get("/held")
def held(request: Request, services: TheServices, done: Done = "") -> Response:
    """Published crops that seem to show a face; not even a curator sees them here, for nothing of them is kept."""
    found = services.desk.held()
    return page(request, "desk_held.html", held=found[:SHOWN_HELD], total=len(found), done=done)


@router.post("/held/{sha256}")
def let_in(sha256: str, services: TheServices, visitor: TheVisitor) -> Response:
    """Let a crop in: the next re-index takes it."""
    services.desk.let_in(sha256, visitor.name)
    return RedirectResponse("/curator/held?done=let_in", 303)


@router.get("/sources")
def sources(request: Request, services: TheServices) -> Response:
    """How every source stands."""
    return page(request, "desk_sources.html", states=services.desk.sources())


def _objects(
    request: Request,
    services: Services,
    *,
    start: int = 0,
    done: str = "",
    told: Mapping[str, str] | None = None,
    wrong: Problem | None = None,
) -> Response:
    published, feeds = services.desk.published(), services.desk.from_feeds()
    return page(
        request,
        "desk_objects.html",
        wrong.status if wrong else 200,
        published=published[start : start + ON_A_PAGE],
        total=len(published),
        next=start + ON_A_PAGE if start + ON_A_PAGE < len(published) else None,
        crops_of=crops_of,
        feeds=feeds[:SHOWN_OF_FEEDS],
        feeds_total=len(feeds),
        authorities=sorted({record.authority for record in published}),
        statuses=STATUSES,
        most=MAX_IMAGES,
        told=told or {"published": datetime.now(UTC).date().isoformat()},
        wrong=wrong,
        done=done,
    )
