"""Signing in and out."""

from __future__ import annotations

import re
from functools import partial

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.accounts.access import COOKIE, TheVisitor
from service.accounts.accounts import SESSION_SECONDS
from service.api.dependencies import Services, TheServices
from service.pages.errors import PageRoute
from service.pages.rendering import page
from service.upload import upload_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_HOME = "/workbench"
# An address of this site alone: a second slash or a backslash would name another one.
_OWN = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@router.get("/sign-in")
def form(request: Request, onward: str = Query("", alias="next", max_length=2000)) -> Response:
    return page(request, "sign_in.html", onward=_own(onward), refused=False)


@router.post("/sign-in")
async def sign_in(request: Request, services: TheServices) -> Response:
    """Start a session, or say that name and password do not fit, whichever of them is wrong."""
    async with upload_of(request, services.limits, services.held) as upload:
        told = dict(upload.fields)
    name, onward = told.get("name", ""), _own(told.get("next", ""))
    services.tries.take(request.client.host if request.client else "")
    enter = partial(services.accounts.sign_in, name, told.get("password", ""))
    secret = await anyio.to_thread.run_sync(enter)
    await anyio.to_thread.run_sync(_record, services, name, secret is not None)
    if secret is None:
        return page(request, "sign_in.html", 401, onward=onward, refused=True)
    answer = RedirectResponse(onward, 303)
    answer.set_cookie(
        COOKIE, secret, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=_behind_tls(request)
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """End the session."""
    services.accounts.sign_out(request.cookies.get(COOKIE, ""))
    if visitor.user:
        services.audit.append("sign-out", visitor.name)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_behind_tls(request))
    return answer


def _record(services: Services, name: str, entered: bool) -> None:
    # A name that no account has may be a password, typed into the wrong field.
    who = name if services.accounts.known(name) else "unknown"
    services.audit.append("sign-in" if entered else "sign-in refused", who)


def _own(address: str) -> str:
    return address if _OWN.fullmatch(address) else _HOME


def _behind_tls(request: Request) -> bool:
    # Whoever forges the header only makes their own cookie stricter.
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
