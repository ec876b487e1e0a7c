"""The curator's desk: publish and change objects, approve quarantined crops, review the sources."""

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
from index.sources.preview import Preview
from index.sources.published import crops_of, texts_of
from service.accounts.access import VisitorDep
from service.app.desk import CHANGE_FIELDS
from service.app.new_source import SOURCE_FIELDS, SOURCE_FORMATS
from service.app.publishing import change, publish
from service.app.services import Services
from service.http.dependencies import ServicesDep
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.object_filter import STATUSES
from service.pages.rendering import page
from service.problems import BUSY, Problem, problem_of_error

router = APIRouter(prefix="/curator", include_in_schema=False, route_class=PageRoute)

ON_A_PAGE = 48
MAX_FEED_OBJECTS = 100
MAX_QUARANTINED = 200
# The SHA-256 in the URL never changes its content.
_CACHE_CONTROL = "private, max-age=31536000, immutable"
_SERVER_ERROR = 500

# The action that was just done, confirmed above the list.
Done = Annotated[Literal["", "published", "changed", "let_in", "added"], Query()]


@router.get("/objects")
def objects(
    request: Request, services: ServicesDep, start: Annotated[int, Query(ge=0, le=2**31)] = 0, done: Done = ""
) -> Response:
    """The form to publish an object, the objects published here, and those of the feeds."""
    return _objects(request, services, start=start, done=done)


@router.post("/objects")
async def publish_object(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Publish an object; an error is shown above the form, which keeps all fields but the files."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        try:
            await services.search_queue.run(lambda: publish(upload, services, visitor))
        except (Problem, TraceObjectError) as error:
            form = partial(_objects, request, services, fields=dict(upload.fields), problem=_shown(error))
            return await anyio.to_thread.run_sync(form)
    return RedirectResponse("/curator/objects?done=published", 303)


@router.post("/objects/change")
async def change_object(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Change an object that was published here."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        fields = upload.fields_by_name(("authority", "object_id", *CHANGE_FIELDS), keep_empty=True)
    await services.search_queue.run(lambda: change(fields.get("object_id", ""), fields, services, visitor))
    return RedirectResponse("/curator/objects?done=changed", 303)


@router.get("/crops/{sha256}")
def crop(sha256: str, services: ServicesDep) -> Response:
    """A crop that was published here, whether it is indexed yet or not."""
    return Response(services.desk.crop(sha256), media_type="image/jpeg", headers={"Cache-Control": _CACHE_CONTROL})


@router.get("/held")
def quarantined(request: Request, services: ServicesDep, done: Done = "") -> Response:
    """Published crops that seem to show a face; their pictures are not kept, so they cannot be shown here."""
    found = services.desk.quarantined()
    return page(request, "desk_quarantined.html", crops=found[:MAX_QUARANTINED], total=len(found), done=done)


@router.post("/held/{sha256}")
def approve(sha256: str, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Approve a quarantined crop: the next re-index takes it."""
    services.desk.approve(sha256, visitor.name)
    return RedirectResponse("/curator/held?done=let_in", 303)


@router.get("/sources")
def sources(request: Request, services: ServicesDep, done: Done = "") -> Response:
    """The state of every source after its last reading, and the form to add one."""
    return _sources(request, services, done=done)


@router.post("/sources/preview")
async def preview_source(request: Request, services: ServicesDep) -> Response:
    """The first entries of a source, before it is saved; an error is shown above the form."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        fields = {name: text.strip() for name, text in upload.fields}
        form = partial(_sources, request, services, fields=fields)
        try:
            known = upload.fields_by_name(SOURCE_FIELDS)
            found = await anyio.to_thread.run_sync(lambda: services.desk.preview_source(known))
        except (Problem, TraceObjectError) as error:
            return await anyio.to_thread.run_sync(partial(form, problem=_shown(error)))
    return await anyio.to_thread.run_sync(partial(form, preview=found))


@router.post("/sources")
async def add_source(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Save a source after its preview; the next re-index reads it."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        fields = {name: text.strip() for name, text in upload.fields}
        try:
            known = upload.fields_by_name(SOURCE_FIELDS)
            await anyio.to_thread.run_sync(lambda: services.desk.add_source(known, visitor.name))
        except (Problem, TraceObjectError) as error:
            form = partial(_sources, request, services, fields=fields, problem=_shown(error))
            return await anyio.to_thread.run_sync(form)
    return RedirectResponse("/curator/sources?done=added", 303)


def _shown(error: Problem | TraceObjectError) -> Problem:
    """The problem to show above a form; a fault of the server is raised."""
    problem = error if isinstance(error, Problem) else problem_of_error(error)
    if problem.status >= _SERVER_ERROR and problem.kind is not BUSY:
        raise error
    return problem


def _sources(
    request: Request,
    services: Services,
    *,
    done: str = "",
    fields: Mapping[str, str] | None = None,
    preview: Preview | None = None,
    problem: Problem | None = None,
) -> Response:
    return page(
        request,
        "desk_sources.html",
        problem.status if problem else 200,
        states=services.desk.sources(),
        fields=fields or {},
        formats=SOURCE_FORMATS,
        preview=preview,
        collection="objects" if (fields or {}).get("collection") == "objects" else "catalogue",
        problem=problem,
        done=done,
    )


def _objects(
    request: Request,
    services: Services,
    *,
    start: int = 0,
    done: str = "",
    fields: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    published, feeds = services.desk.published(), services.desk.from_feeds()
    return page(
        request,
        "desk_objects.html",
        problem.status if problem else 200,
        published=published[start : start + ON_A_PAGE],
        total=len(published),
        next=start + ON_A_PAGE if start + ON_A_PAGE < len(published) else None,
        crops_of=crops_of,
        texts_of=texts_of,
        feeds=feeds[:MAX_FEED_OBJECTS],
        feeds_total=len(feeds),
        authorities=sorted({record.authority for record in published}),
        statuses=STATUSES,
        max_crops=MAX_IMAGES,
        fields=fields or {"published": datetime.now(UTC).date().isoformat()},
        problem=problem,
        done=done,
    )
