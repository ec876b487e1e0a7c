"""/embed: a list of open objects for a frame in a newspaper's page, where the operator allows that site."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.app.listing import ObjectFilter
from service.http.dependencies import GenerationDep, ServicesDep
from service.pages.addresses import object_address, site_address
from service.pages.errors import PageRoute
from service.pages.object_filter import Word
from service.pages.rendering import public_page
from service.problems import NOT_FOUND, Problem

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MAX_LISTED = 12


@router.get("/embed")
def embed(
    request: Request, services: ServicesDep, generation: GenerationDep, authority: Word = "", kind: Word = ""
) -> Response:
    """The newest open objects, without scripts, forms and cookies; only the sites of the setting may frame it."""
    origins = services.workspace.settings.embed_on
    if not origins:
        raise Problem(NOT_FOUND, "no site may show this list in a frame: the setting embed_on names none")
    listed = services.listing.page(generation, ObjectFilter(authority, "open", kind), MAX_LISTED, None)
    site = site_address(request, services)
    response = public_page(
        request,
        "embed.html",
        listed=listed,
        site=site,
        address=lambda entry: site + object_address(generation, entry),
    )
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; "
        f"frame-ancestors {' '.join(origins)}"
    )
    return response
