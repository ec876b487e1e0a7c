"""What goes wrong on a page is told as a page, in words a person can act on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from embedding.errors import TraceObjectError
from service.pages.rendering import page
from service.problems import MALFORMED, Problem, problem_of

# What a person is told instead of a problem's title, which is for programs; by the kind's name.
_TOLD = {
    "not-found": "error.not_found",
    "busy": "error.busy",
    "too-often": "error.too_often",
    "not-ready": "error.not_ready",
    "workspace-busy": "error.writing",
    "image-refused": "error.picture",
    "too-large": "error.too_large",
    "upload-too-slow": "error.too_slow",
    "internal": "error.internal",
}


class PageRoute(APIRoute):
    """A route whose errors are pages; redirects and whatever else is raised pass through."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except (Problem, TraceObjectError, RequestValidationError) as error:
                return error_page(request, problem_of(request, error))
            except HTTPException as error:
                if error.status_code < 400:
                    raise
                told = Problem(
                    MALFORMED, str(error.detail), status=error.status_code, headers=dict(error.headers or {})
                )
                return error_page(request, told)

        return told


def error_page(request: Request, problem: Problem) -> Response:
    """A problem as a page; the detail is shown where it is about what was asked, never for a fault of ours."""
    key = _TOLD.get(problem.kind.name, "error.other")
    response = page(request, "error.html", problem.status, problem=problem, told=key)
    response.headers.update(problem.headers)
    return response
