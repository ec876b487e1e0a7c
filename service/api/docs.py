"""/docs: Swagger UI over the OpenAPI document, with nothing loaded from other sites."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

_PAGE = Path(__file__).parents[1] / "static" / "docs"
# Only the package's static files are used: its own page has an inline script, which our policy forbids.
swagger_files = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")

# Swagger UI sets inline styles and uses data: URIs for its icons.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
def docs() -> FileResponse:
    return FileResponse(_PAGE / "docs.html", headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})


@router.get("/docs/start.js")
def start() -> FileResponse:
    return FileResponse(_PAGE / "start.js", headers={"Cache-Control": "no-cache"})
