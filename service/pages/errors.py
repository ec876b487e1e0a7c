"""Errors of a page are shown as a page, with advice for its reader."""

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

# The message shown instead of a problem's title, which is for API clients; by the kind's name.
_MESSAGES = {
    "not-found": "error.not_found",
    "withdrawn": "error.withdrawn",
    "busy": "error.busy",
    "unavailable": "error.unavailable",
    "too-often": "error.too_often",
    "not-ready": "error.not_ready",
    "workspace-busy": "error.writing",
    "image-refused": "error.picture",
    "too-large": "error.too_large",
    "upload-too-slow": "error.too_slow",
    "internal": "error.internal",
}


class PageRoute(APIRoute):
    """A route whose errors are answered as pages; redirects and unhandled exceptions pass through."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_errors(request: Request) -> Response:
            try:
                return await handle(request)
            except (Problem, TraceObjectError, RequestValidationError) as error:
                return error_page(request, problem_of(request, error))
            except HTTPException as error:
                if error.status_code < 400:
                    raise
                problem = Problem(
                    MALFORMED, str(error.detail), status=error.status_code, headers=dict(error.headers or {})
                )
                return error_page(request, problem)

        return handle_errors


def error_page(request: Request, problem: Problem) -> Response:
    """A problem as a page. Its detail is shown where it is about the request, never for an internal error."""
    message = _MESSAGES.get(problem.kind.name, "error.other")
    response = page(request, "error.html", problem.status, problem=problem, message=message)
    response.headers.update(problem.headers)
    return response
