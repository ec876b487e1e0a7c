"""/tips: a tip is written in the reader's browser, and sent by the authority's page or by mail, never by this site."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.http.dependencies import GenerationDep, ServicesDep
from service.pages.addresses import object_address, site_address
from service.pages.errors import PageRoute
from service.pages.object_filter import Word
from service.pages.rendering import public_page
from service.rendering.environment import web_link

router = APIRouter(include_in_schema=False, route_class=PageRoute)

# Stricter than other pages: nothing on it can be submitted or requested, whatever a script does.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'none'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/tips/{object_id:path}")
def tip(
    request: Request, object_id: str, services: ServicesDep, generation: GenerationDep, source: Word = ""
) -> Response:
    """The form for a tip on one object. Without JavaScript it shows where the authority takes tips."""
    entry = services.settled.named(generation, object_id, source or None)
    authority = services.authorities.named(entry.fields.authority)
    path = object_address(generation, entry)
    response = public_page(
        request,
        "tip.html",
        entry=entry,
        path=path,
        page=web_link(entry.fields.link) or authority.page,
        mail=authority.mail,
        subject=authority.subject,
        wanted=authority.template,
        known={
            "reference": entry.fields.entry_id,
            "title": entry.fields.title,
            "authority": entry.fields.authority,
            "address": site_address(request, services) + path,
        },
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response
