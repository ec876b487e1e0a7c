"""One object on the workbench: its crops, its alerts, its dossier."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.api.dependencies import LiveOne, TheServices
from service.api.entries import entry_named
from service.pages.dossier import alerts_of, as_html, draw_up, file_name
from service.pages.dossier_pdf import as_pdf
from service.pages.errors import PageRoute
from service.pages.language import language_of, words_in
from service.pages.rendering import page

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

Word = Annotated[str, Query(max_length=500)]


@router.get("/objects/{object_id:path}")
def work_object(
    request: Request, object_id: str, services: TheServices, generation: LiveOne, source: Word = ""
) -> Response:
    """An object to work on."""
    entry = entry_named(generation, "objects", object_id, source or None)
    return page(request, "work_object.html", entry=entry, alerts=alerts_of(entry, services))


@router.get("/dossier.{kind}")
async def dossier(
    request: Request,
    kind: Literal["html", "pdf"],
    services: TheServices,
    object_id: Annotated[str, Query(alias="object", max_length=500)],
    source: Word = "",
) -> Response:
    """An object's dossier as a file, in the reader's language."""
    words = words_in(language_of(request))
    with services.live.lease() as generation:
        entry = entry_named(generation, "objects", object_id, source or None)
        told = await services.turns.run(lambda: draw_up(entry, services))
    body = as_pdf(told, words) if kind == "pdf" else as_html(told, words).encode()
    media = "application/pdf" if kind == "pdf" else "text/html; charset=utf-8"
    headers = {"Content-Disposition": f'attachment; filename="{file_name(entry, kind)}"'}
    return Response(body, media_type=media, headers=headers)
