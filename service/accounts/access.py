"""Authentication and authorisation of every request, by the table of rights."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request

from service.accounts.accounts import Accounts
from service.accounts.rights import required_role
from service.accounts.roles import SINGLE_USER, VOLUNTEER, Visitor
from service.problems import FORBIDDEN, SIGN_IN_NEEDED, Problem

COOKIE = "session"
# Answered without the database: whoever restarts a server that does not answer must not do so while that is down.
_LIVENESS = "/healthz"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_access(request: Request) -> None:
    """Refuse a request that comes from another site, lacks the route's role, or exceeds its token's scope.

    Raises:
        Problem: 401 or 403.
        HTTPException: 303 to /sign-in, for a page.
    """
    path, method = request.scope["route"].path, request.method
    api = path.startswith("/v1/") or path == "/metrics"
    if method not in _SAFE_METHODS:
        _require_own_site(request)
    visitor = VOLUNTEER if path == _LIVENESS else _visitor(request, api)
    request.state.visitor = visitor
    role = required_role(method, path)
    if not visitor.may(role) and visitor.user is None and not api:
        raise HTTPException(303, headers={"Location": f"/sign-in?next={quote(_address(request), safe='')}"})
    visitor.require(role)
    scope = "read" if method in _SAFE_METHODS else "search" if path == "/v1/search" else "write"
    if scope not in visitor.scopes:
        raise Problem(FORBIDDEN, f"this token lacks the scope {scope}")


def get_visitor(request: Request) -> Visitor:
    """The sender of a request that passed `require_access`."""
    found: Visitor = getattr(request.state, "visitor", VOLUNTEER)
    return found


VisitorDep = Annotated[Visitor, Depends(get_visitor)]


def _visitor(request: Request, api: bool) -> Visitor:
    accounts: Accounts = request.app.state.accounts
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if api and scheme.lower() == "bearer":
        if found := accounts.of_token(secret.strip()):
            return found
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise Problem(SIGN_IN_NEEDED, "this token is unknown, expired or revoked", headers=headers)
    if (secret := request.cookies.get(COOKIE, "")) and (found := accounts.of_session(secret)):
        return found
    if request.app.state.single_user and not accounts.exist():
        return SINGLE_USER
    return VOLUNTEER


def _require_own_site(request: Request) -> None:
    """Refuse cross-site request forgery. Clients other than browsers send neither of the two headers."""
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
