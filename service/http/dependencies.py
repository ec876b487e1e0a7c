"""What the routes need, in one place: the parts of the running service, and a lease on the live generation."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from index.generations.generations import Generation
from service.accounts.access import TheVisitor
from service.accounts.roles import SINGLE_USER
from service.app.rates import address_key
from service.app.services import Services


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


async def leased(services: Annotated[Services, Depends(services)]) -> AsyncIterator[Generation]:
    """The live generation, for as long as the request lasts."""
    with services.live.lease() as generation:
        yield generation


TheServices = Annotated[Services, Depends(services)]


def rate_limit(request: Request, services: TheServices, visitor: TheVisitor) -> None:
    """Count one search of a token, an account or, without either, an address; in single-user mode nothing is counted.

    Raises:
        Problem: it is too often.
    """
    if services.asked is None or visitor is SINGLE_USER:
        return
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if visitor.user is not None and scheme.lower() == "bearer":
        key = "token " + hashlib.sha256(secret.strip().encode()).hexdigest()
    elif visitor.user is not None:
        key = f"account {visitor.user.name}"
    else:
        key = address_key(request.client.host if request.client else "")
    services.asked.take(key)


RateLimited = Depends(rate_limit)
LiveOne = Annotated[Generation, Depends(leased)]
