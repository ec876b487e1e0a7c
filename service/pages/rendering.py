"""A page: a template filled in the reader's language, under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from service.accounts.access import visitor_of
from service.accounts.roles import Role
from service.rendering.environment import STATIC, environment
from service.rendering.language import COOKIE, LANGUAGES, PARAMETER, language_of, words_in

# Scripts and styles come from /static alone. A picture that was just chosen is shown from memory: data: and blob:.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
static_files = StaticFiles(directory=STATIC)
_LANGUAGE_SECONDS = 365 * 86_400


def page(request: Request, template: str, code: int = 200, **values: Any) -> HTMLResponse:
    """Fill a template of templates/pages.

    Every template also has `t` (the messages), `request`, `here` (the address in the other language), `viewer`
    (the account signed in, or None) and `curates` (whether they may curate).
    """
    language, visitor = language_of(request), visitor_of(request)
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
