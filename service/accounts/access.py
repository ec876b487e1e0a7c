"""Every request is held to the table of rights: who sends it, and may they?"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request

from service.accounts.accounts import Accounts
from service.accounts.rights import needed
from service.accounts.roles import SINGLE_USER, VOLUNTEER, Visitor
from service.problems import FORBIDDEN, SIGN_IN_NEEDED, Problem

COOKIE = "session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def allowed(request: Request) -> None:
    """Let a request pass, or refuse it: from another site, without a right, or beyond its token's scope.

    Raises:
        Problem: 401 or 403.
        HTTPException: 303 to /sign-in, for a page.
    """
    path, method = request.scope["route"].path, request.method
    api = path.startswith("/v1/") or path == "/metrics"
    if method not in _SAFE_METHODS:
        _require_own_site(request)
    visitor = _visitor(request, api)
    request.state.visitor = visitor
    role = needed(method, path)
    if not visitor.may(role) and visitor.user is None and not api:
        raise HTTPException(303, headers={"Location": f"/sign-in?next={quote(_address(request), safe='')}"})
    visitor.require(role)
    scope = "read" if method in _SAFE_METHODS else "search" if path == "/v1/search" else "write"
    if scope not in visitor.scopes:
        raise Problem(FORBIDDEN, f"this token lacks the scope {scope}")


def visitor_of(request: Request) -> Visitor:
    """Who sends a request that `allowed` let pass."""
    found: Visitor = getattr(request.state, "visitor", VOLUNTEER)
    return found


TheVisitor = Annotated[Visitor, Depends(visitor_of)]


def _visitor(request: Request, api: bool) -> Visitor:
    accounts: Accounts = request.app.state.accounts
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if api and scheme.lower() == "bearer":
        if found := accounts.of_token(secret.strip()):
            return found
        refused = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise Problem(SIGN_IN_NEEDED, "this token is unknown, expired or revoked", headers=refused)
    if (secret := request.cookies.get(COOKIE, "")) and (found := accounts.of_session(secret)):
        return found
    if request.app.state.single_user and not accounts.exist():
        return SINGLE_USER
    return VOLUNTEER


def _require_own_site(request: Request) -> None:
    """Refuse what another site's page sends in this browser's name; a client that is no browser says neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    elif origin is not None:
        foreign = urlsplit(origin).netloc != request.headers.get("host")
    else:
        foreign = COOKIE in request.cookies
    if foreign:
        raise Problem(FORBIDDEN, "this was sent by a page of another site")


def _address(request: Request) -> str:
    if request.method not in _SAFE_METHODS:
        return "/workbench"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
