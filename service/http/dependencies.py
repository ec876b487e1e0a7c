"""FastAPI dependencies of the routes: the services, a lease on the live generation, and the search rate limit."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from index.generations.generations import Generation
from service.accounts.access import VisitorDep
from service.accounts.roles import SINGLE_USER
from service.app.rate_limiter import address_key
from service.app.services import Services


def get_services(request: Request) -> Services:
    """The services of the running application."""
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(get_services)]


async def get_generation(services: ServicesDep) -> AsyncIterator[Generation]:
    """The live generation, leased until the request ends."""
    with services.live.lease() as generation:
        yield generation


def limit_search_rate(request: Request, services: ServicesDep, visitor: VisitorDep) -> None:
    """Count one search of a token, an account or, without either, an address. Single-user mode has no limit.

    Raises:
        Problem: the rate is exceeded (429).
    """
    if services.search_limiter is None or visitor is SINGLE_USER:
        return
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if visitor.user is not None and scheme.lower() == "bearer":
        key = "token " + hashlib.sha256(secret.strip().encode()).hexdigest()
    elif visitor.user is not None:
        key = f"account {visitor.user.name}"
    else:
        key = address_key(request.client.host if request.client else "")
    services.search_limiter.take(key)


RateLimitDep = Depends(limit_search_rate)
GenerationDep = Annotated[Generation, Depends(get_generation)]
