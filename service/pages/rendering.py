"""Renders a page's template in the reader's language, with a strict Content-Security-Policy."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from service.accounts.access import get_visitor
from service.accounts.roles import Role
from service.rendering.environment import STATIC, environment
from service.rendering.language import COOKIE, LANGUAGES, PARAMETER, language_of, words_in

# Scripts and styles are loaded from /static only; data: and blob: are for pictures that the user has just chosen.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Any cache may keep a public page, but asks each time whether it is current: what is withdrawn is gone at once.
PUBLIC = "public, no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"
_LANGUAGE_SECONDS = 365 * 86_400


class _StaticFiles(StaticFiles):
    """Files that any cache may keep; for good where the address has the hash of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = IMMUTABLE if scope["query_string"].startswith(b"v=") else PUBLIC
        return response


static_files = _StaticFiles(directory=STATIC)


def page(request: Request, template: str, code: int = 200, **values: Any) -> HTMLResponse:
    """Render a template of templates/pages.

    Every template also gets `t` (the messages), `request`, `here` (this page's URL in the other language), `viewer`
    (the account that is signed in, or None) and `curates` (whether it has the role of a curator).
    """
    language, visitor = language_of(request), get_visitor(request)
    words = words_in(language)
    text = (
        environment()
        .get_template(f"pages/{template}")
        .render(
            t=words,
            request=request,
            languages=LANGUAGES,
            here=request.url.include_query_params(**{PARAMETER: words.other}).replace(scheme="", netloc=""),
            **{"viewer": visitor.user, "curates": visitor.may(Role.CURATOR), **values},
        )
    )
    headers = {"Content-Security-Policy": POLICY, "Content-Language": language, "Vary": "Accept-Language, Cookie"}
    response = HTMLResponse(text, code, headers)
    if request.query_params.get(PARAMETER) == language:
        response.set_cookie(COOKIE, language, max_age=_LANGUAGE_SECONDS, httponly=True, samesite="lax")
    return response


def public_page(request: Request, template: str, **values: Any) -> HTMLResponse:
    """Render a page that is the same for everybody: caches may keep it, unless it sets a cookie or names its reader."""
    response = page(request, template, **values)
    if get_visitor(request).user is None and "set-cookie" not in response.headers:
        response.headers["Cache-Control"] = PUBLIC
    return response
