"""Sign-in by password or OpenID Connect, and sign-out."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.accounts.access import COOKIE, VisitorDep
from service.accounts.accounts import SESSION_SECONDS
from service.accounts.openid import ATTEMPT_SECONDS, OpenIdRefused
from service.app.services import Services
from service.http.dependencies import ServicesDep
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.rendering import page
from service.problems import NOT_FOUND, Problem

if TYPE_CHECKING:
    from service.accounts.openid_client import OpenId

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LOG = logging.getLogger(__name__)

# Name of the cookie that holds the OpenID Connect state.
STATE = "sign-in"
_HOME, _RETURN = "/workbench", "/sign-in/return"
Onward = Annotated[str, Query(alias="next", max_length=2000)]
Word = Annotated[str, Query(max_length=4000)]
# A path of this site; a second slash or a backslash would lead to another host (open redirect).
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@router.get("/sign-in")
def form(request: Request, services: ServicesDep, onward: Onward = "") -> Response:
    return _form(request, services, _local_path(onward), "")


@router.post("/sign-in")
async def sign_in(request: Request, services: ServicesDep) -> Response:
    """Start a session; a wrong name and a wrong password give the same error."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        fields = dict(upload.fields)
    name, onward = fields.get("name", ""), _local_path(fields.get("next", ""))
    address = request.client.host if request.client else ""
    await anyio.to_thread.run_sync(services.sign_in_limiter.take, address)
    authenticate = partial(services.accounts.sign_in, name, fields.get("password", ""))
    secret = await anyio.to_thread.run_sync(authenticate)
    await anyio.to_thread.run_sync(_record, services, name, secret is not None)
    if secret is None:
        return _form(request, services, onward, "sign_in.refused")
    return _signed_in(request, secret, onward)


@router.get("/sign-in/openid")
def to_organisation(request: Request, services: ServicesDep, onward: Onward = "") -> Response:
    """Send the reader to the organisation's own sign-in."""
    openid = _openid(services)
    services.sign_in_limiter.take(request.client.host if request.client else "")
    try:
        address, state = openid.begin(f"{str(request.base_url).rstrip('/')}{_RETURN}", _local_path(onward))
    except OpenIdRefused as error:
        return _refused(request, services, error)
    answer = RedirectResponse(address, 303)
    secure = _behind_tls(request)
    answer.set_cookie(STATE, state, max_age=ATTEMPT_SECONDS, path=_RETURN, httponly=True, samesite="lax", secure=secure)
    return answer


@router.get(_RETURN)
def from_organisation(request: Request, services: ServicesDep, state: Word = "", code: Word = "") -> Response:
    """Start a session for the user that the organisation names, if an account here has that name."""
    openid = _openid(services)
    services.sign_in_limiter.take(request.client.host if request.client else "")
    try:
        name, onward = openid.complete(state, request.cookies.get(STATE, ""), code)
    except OpenIdRefused as error:
        return _refused(request, services, error)
    secret = services.accounts.begin_session(name)
    _record(services, name, secret is not None)
    if secret is None:
        return _form(request, services, _HOME, "sign_in.openid_refused")
    answer = _signed_in(request, secret, onward)
    answer.delete_cookie(STATE, path=_RETURN, httponly=True, samesite="lax", secure=_behind_tls(request))
    return answer


@router.post("/sign-out")
def sign_out(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """End the session."""
    services.accounts.sign_out(request.cookies.get(COOKIE, ""))
    if visitor.user:
        services.audit.append("sign-out", visitor.name)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_behind_tls(request))
    return answer


def _form(request: Request, services: Services, onward: str, error: str) -> Response:
    status = 401 if error else 200
    return page(request, "sign_in.html", status, onward=onward, error=error, openid=services.openid is not None)


def _signed_in(request: Request, secret: str, onward: str) -> Response:
    answer = RedirectResponse(onward, 303)
    answer.set_cookie(
        COOKIE, secret, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=_behind_tls(request)
    )
    return answer


def _refused(request: Request, services: Services, error: OpenIdRefused) -> Response:
    # Only logged, because the cause may name hosts of the organisation's network.
    LOG.warning("sign-in by the organisation failed", extra={"cause": str(error)})
    _record(services, "", False)
    return _form(request, services, _HOME, "sign_in.openid_refused")


def _openid(services: Services) -> OpenId:
    if services.openid is None:
        raise Problem(NOT_FOUND, "no organisation's sign-in is set up here")
    return services.openid


def _record(services: Services, name: str, success: bool) -> None:
    # An unknown name may be a password that was typed into the wrong field, so it is not recorded.
    who = name if services.accounts.known(name) else "unknown"
    services.audit.append("sign-in" if success else "sign-in refused", who)


def _local_path(address: str) -> str:
    return address if _LOCAL_PATH.fullmatch(address) else _HOME


def _behind_tls(request: Request) -> bool:
    # A client that forges the header only makes its own cookie stricter.
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
