"""All pages, as one part of the application."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from service.pages import batch, desk, leads, public, recognise, sign_in, work_object, workbench
from service.pages.rendering import static_files

PARTS = (public, recognise, sign_in, workbench, leads, work_object, batch, desk)


def add_pages(app: FastAPI) -> None:
    """Serve the pages and their files."""
    router = APIRouter()
    for part in PARTS:
        router.include_router(part.router)
    app.include_router(router)
    app.mount("/static", static_files)
