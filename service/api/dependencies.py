"""What the routes need, in one place: the parts of the running service, and a lease on the live generation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from embedding.encoders.protocol import Encoder
from index.gate import Gate
from index.generations import Generation
from index.images import ImageStore
from index.rerank import Closer
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.audit import Audit
from service.limits import HeldBytes, Limits, Turns
from service.listing import ObjectListing
from service.live import LiveGeneration
from service.rates import Rate


@dataclass(frozen=True)
class Services:
    """The parts of one running service."""

    workspace: Workspace
    live: LiveGeneration
    encoder: Encoder
    closer: Closer | None
    gate: Gate | None
    images: ImageStore
    limits: Limits
    turns: Turns
    held: HeldBytes
    accounts: Accounts
    audit: Audit
    tries: Rate
    listing: ObjectListing = field(default_factory=ObjectListing)


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


async def leased(services: Annotated[Services, Depends(services)]) -> AsyncIterator[Generation]:
    """The live generation, for as long as the request lasts."""
    with services.live.lease() as generation:
        yield generation


TheServices = Annotated[Services, Depends(services)]
LiveOne = Annotated[Generation, Depends(leased)]
