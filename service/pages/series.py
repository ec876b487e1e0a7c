"""One case on the workbench: the objects of a series, their candidates and leads, and where and when they were sold."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.accounts.access import VisitorDep
from service.app.dossier_file import MEDIA_TYPES, render_series
from service.app.series import Series, objects_of_series, series_named
from service.http.dependencies import GenerationDep, RateLimitDep, ServicesDep
from service.http.upload import form_of
from service.pages.errors import PageRoute
from service.pages.rendering import page
from service.rendering.language import language_of, words_in
from service.rendering.provenance_view import provenance_view

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

Word = Annotated[str, Query(max_length=500)]


@router.get("/series")
def series(
    request: Request,
    services: ServicesDep,
    generation: GenerationDep,
    visitor: VisitorDep,
    name: Word,
    authority: Word = "",
) -> Response:
    """The objects of a series and their leads, before they are searched for."""
    found = series_named(authority, name, services, visitor, generation, search=False)
    return _page(request, found, searched=False)


@router.get("/series.jsonld", dependencies=[RateLimitDep])
async def series_file(services: ServicesDep, visitor: VisitorDep, name: Word, authority: Word = "") -> Response:
    """The dossiers of a series' objects as one CASE file, each with a search of its own."""
    with services.live.lease() as generation:
        entries = objects_of_series(services, generation, authority, name)
        body = await services.search_queue.run(lambda: render_series(entries, services, visitor))
    headers = {"Content-Disposition": 'attachment; filename="traceobject-series.jsonld"'}
    return Response(body, media_type=MEDIA_TYPES["jsonld"], headers=headers)


@router.post("/series", dependencies=[RateLimitDep])
async def search_series(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """The same after a search for each object; each is recorded in the audit."""
    form = await form_of(request, services.limits, services.reserved_bytes, ("authority", "name"))
    authority, name = form.get("authority", ""), form.get("name", "")
    with services.live.lease() as generation:
        found = await services.search_queue.run(
            lambda: series_named(authority, name, services, visitor, generation, search=True)
        )
    return _page(request, found, searched=True)


def _page(request: Request, found: Series, *, searched: bool) -> Response:
    words = words_in(language_of(request))
    clues = tuple(clue for one in found.objects for clue in one.clues.all)
    heaviest = tuple(sorted(clues, key=lambda clue: -clue.weight))
    # A product may have come too late for several of the objects.
    too_late = tuple(dict.fromkeys(replace(c, weight=0.0) for one in found.objects for c in one.clues.too_late))
    views = [provenance_view(one.provenance, one.clues.all, words, one.clues.too_late) for one in found.objects]
    return page(
        request,
        "work_series.html",
        series=found,
        searched=searched,
        objects=list(zip(found.objects, views, strict=True)),
        together=provenance_view(found.together, heaviest, words, too_late),
    )
