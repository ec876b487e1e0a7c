"""One object on the workbench: its crops, its leads, its alerts, its dossier."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.accounts.access import VisitorDep
from service.app.dossier import alerts_of, file_name
from service.app.dossier_file import MEDIA_TYPES, DossierFormat, render_dossier
from service.app.find_entry import entry_named
from service.app.leads import MAX_NOTE
from service.app.outside_engines import engines_for
from service.http.dependencies import GenerationDep, RateLimitDep, ServicesDep
from service.pages.errors import PageRoute
from service.pages.rendering import page
from service.rendering.language import language_of, words_in

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

Word = Annotated[str, Query(max_length=500)]


@router.get("/objects/{object_id:path}")
def work_object(
    request: Request,
    object_id: str,
    services: ServicesDep,
    generation: GenerationDep,
    visitor: VisitorDep,
    source: Word = "",
) -> Response:
    """An object to work on. Each view is recorded in the audit."""
    entry = entry_named(generation, "objects", object_id, source or None)
    object_key = (entry.source, entry.fields.entry_id)
    services.audit.append("dossier", visitor.name, object=object_key, form="page")
    leads = services.leads.of_object(*object_key)
    return page(
        request,
        "work_object.html",
        entry=entry,
        leads=leads,
        alerts=alerts_of(entry, services),
        engines=engines_for(services.settled.current(entry), services.workspace.settings),
        max_note=MAX_NOTE,
    )


@router.get("/dossier.{kind}", dependencies=[RateLimitDep])
async def dossier(
    request: Request,
    kind: DossierFormat,
    services: ServicesDep,
    visitor: VisitorDep,
    object_id: Annotated[str, Query(alias="object", max_length=500)],
    source: Word = "",
) -> Response:
    """An object's dossier as a file, in the reader's language."""
    words = words_in(language_of(request))
    with services.live.lease() as generation:
        entry = entry_named(generation, "objects", object_id, source or None)
        body = await services.search_queue.run(lambda: render_dossier(entry, kind, words, services, visitor))
    headers = {"Content-Disposition": f'attachment; filename="{file_name(entry, kind)}"'}
    return Response(body, media_type=MEDIA_TYPES[kind], headers=headers)
