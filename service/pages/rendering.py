"""A page: a template filled in the reader's language, under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from service.accounts.access import visitor_of
from service.accounts.roles import Role
from service.leads import State
from service.pages.language import COOKIE, LANGUAGES, PARAMETER, language_of, words_in

STATIC = Path(__file__).parents[1] / "static" / "pages"
# Scripts and styles come from /static alone. A picture that was just chosen is shown from memory: data: and blob:.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
static_files = StaticFiles(directory=STATIC)
STATE_WORDS: Mapping[State, str] = {
    "open": "lead.open",
    "confirmed": "lead.confirmed",
    "ruled_out": "lead.ruled_out",
    "not_in_catalogue": "lead.not_in_catalogue",
}
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


@cache
def environment() -> Environment:
    """The templates, escaping whatever is put into them."""
    made = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["link"] = web_link
    made.filters["percent"] = percent
    made.filters["segment"] = lambda text: quote(text, safe="/")
    made.globals["state_words"] = STATE_WORDS
    made.globals["static"] = static_address
    return made


def web_link(address: str | None) -> str:
    """An address as a feed gave it, if a browser may follow it: never a script; else nothing."""
    try:
        scheme = urlsplit(address or "").scheme
    except ValueError:
        return ""
    return address or "" if scheme in ("http", "https") else ""


def percent(share: float | None) -> str:
    """A likelihood for people: whole percents, and never a certainty."""
    if share is None:
        return "–"
    return f"{min(99, max(1, round(100 * share)))} %"


@cache
def static_address(name: str) -> str:
    """The address of a file of static/pages; it changes with the file, so that no old copy stays in use."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"
