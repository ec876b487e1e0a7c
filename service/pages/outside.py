"""Opening an outside search engine with a published crop, by hand."""

from __future__ import annotations

from functools import partial

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.accounts.access import VisitorDep
from service.app.outside_engines import open_outside
from service.http.dependencies import GenerationDep, ServicesDep
from service.http.upload import form_of
from service.pages.errors import PageRoute
from service.pages.rendering import page

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

_FIELDS = ("object", "source", "crop", "engine")


@router.post("/outside")
async def outside(request: Request, services: ServicesDep, generation: GenerationDep, visitor: VisitorDep) -> Response:
    """Record the opening, then show the link: a page that only redirected would not say where it leads."""
    fields = await form_of(request, services.limits, services.reserved_bytes, _FIELDS)
    entry, engine, address = await anyio.to_thread.run_sync(
        partial(open_outside, fields, services, generation, visitor)
    )
    return page(request, "work_outside.html", entry=entry, engine=engine, address=address, crop=fields["crop"])
