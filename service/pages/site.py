"""All pages, as one router."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from service.pages import (
    batch,
    desk,
    embed,
    feeds,
    leads,
    outside,
    posters,
    public,
    queue,
    recognise,
    security_txt,
    series,
    sign_in,
    tips,
    work_object,
    workbench,
)
from service.pages.rendering import static_files

MODULES = (
    *(public, tips, feeds, posters, embed, recognise, security_txt, sign_in),
    *(workbench, queue, leads, outside, series, work_object, batch, desk),
)


def add_pages(app: FastAPI) -> None:
    """Serve the pages and their static files."""
    router = APIRouter()
    for module in MODULES:
        router.include_router(module.router)
    app.include_router(router)
    app.mount("/static", static_files)
