"""What carries a call further: a poster to print, a QR code, and the preview picture of a shared link."""

from __future__ import annotations

from urllib.parse import urlsplit

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response

from index.generations.generations import Generation
from index.records.entries import Entry
from service.app.poster_pdf import poster_pdf
from service.app.qr_code import svg_code
from service.app.services import Services
from service.http.dependencies import GenerationDep, ServicesDep
from service.pages.addresses import object_address, site_address
from service.pages.cards import share_card
from service.pages.errors import PageRoute
from service.pages.object_filter import Word
from service.pages.rendering import PUBLIC
from service.problems import INVALID, WITHDRAWN, Problem
from service.rendering.language import language_of, words_in
from service.rendering.status import settled_text

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_IN_A_LANGUAGE = {"Cache-Control": PUBLIC, "Vary": "Accept-Language, Cookie"}


@router.get("/posters/{object_id:path}")
def poster(
    request: Request, object_id: str, services: ServicesDep, generation: GenerationDep, source: Word = ""
) -> Response:
    """A poster of an open object, PDF, in the reader's language."""
    entry = _open_object(services, generation, object_id, source)
    crop = services.images.read(entry.images[0]) if entry.images else b""
    words = words_in(language_of(request))
    try:
        body = poster_pdf(entry.fields, crop, _address(request, services, generation, entry), words)
    except segno.DataOverflowError as error:
        raise _too_long(object_id) from error
    headers = _IN_A_LANGUAGE | {"Content-Disposition": f'inline; filename="{_file_name(entry)}.pdf"'}
    return Response(body, media_type="application/pdf", headers=headers)


@router.get("/codes/{object_id:path}")
def code(
    request: Request, object_id: str, services: ServicesDep, generation: GenerationDep, source: Word = ""
) -> Response:
    """A QR code of an open object's page, SVG."""
    entry = _open_object(services, generation, object_id, source)
    try:
        body = svg_code(_address(request, services, generation, entry))
    except segno.DataOverflowError as error:
        raise _too_long(object_id) from error
    headers = {"Cache-Control": PUBLIC, "Content-Disposition": f'inline; filename="{_file_name(entry)}.svg"'}
    return Response(body, media_type="image/svg+xml", headers=headers)


@router.get("/cards/{object_id:path}")
def card(
    request: Request, object_id: str, services: ServicesDep, generation: GenerationDep, source: Word = ""
) -> Response:
    """The preview picture of an object's page. Of one that is settled it says so, and shows nothing of it."""
    entry = services.settled.named(generation, object_id, source or None)
    fields, words = entry.fields, words_in(language_of(request))
    host = urlsplit(site_address(request, services)).netloc
    if fields.status == "open":
        crop = services.images.read(entry.images[0]) if entry.images else b""
        body = share_card(crop, fields.authority, words("poster.title"), fields.title or fields.entry_id, host)
    else:
        body = share_card(b"", fields.authority, fields.entry_id, settled_text(fields, words), host)
    # Other sites embed the preview.
    headers = _IN_A_LANGUAGE | {"Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(body, media_type="image/jpeg", headers=headers)


def _open_object(services: Services, generation: Generation, object_id: str, source: str) -> Entry:
    """The object with an id. Raises Problem (410) where it is no longer asked for."""
    entry = services.settled.named(generation, object_id, source or None)
    if entry.fields.status != "open":
        since = f" since {entry.fields.last_seen}" if entry.fields.last_seen else ""
        detail = f"{object_id[:80]!r} is {entry.fields.status}{since}: what called for it is withdrawn"
        raise Problem(WITHDRAWN, detail, page=object_address(generation, entry))
    return entry


def _address(request: Request, services: Services, generation: Generation, entry: Entry) -> str:
    return site_address(request, services) + object_address(generation, entry)


def _too_long(object_id: str) -> Problem:
    return Problem(INVALID, f"the address of {object_id[:80]!r} is too long for a code")


def _file_name(entry: Entry) -> str:
    """A file name of letters, digits and hyphens."""
    kept = (char if char.isascii() and char.isalnum() else "-" for char in entry.fields.entry_id[:80])
    return "".join(kept).strip("-") or "object"
