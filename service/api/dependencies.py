"""What the routes need, in one place: the parts of the running service, and a lease on the live generation."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np
import numpy.typing as npt
from fastapi import Depends, Request

from embedding.encoders.protocol import Encoder
from index.generations.generations import Generation
from index.search.answer import Answer, Query
from index.search.rerank import Closer
from index.search.search import search
from index.sources.gate import Gate
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.accounts.access import TheVisitor
from service.accounts.accounts import Accounts
from service.accounts.roles import SINGLE_USER, Visitor
from service.audit import Audit
from service.desk import Desk
from service.gate import with_faces
from service.leads import Leads
from service.limits import HeldBytes, Limits, Turns
from service.listing import ObjectListing
from service.live import LiveGeneration
from service.metrics import Metrics
from service.question import Question, query_of
from service.rates import Rate, address_key
from service.recorded_search import search_told

if TYPE_CHECKING:
    from service.accounts.openid_client import OpenId


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
    leads: Leads
    desk: Desk
    openid: OpenId | None
    tries: Rate
    asked: Rate | None
    metrics: Metrics
    listing: ObjectListing = field(default_factory=ObjectListing)

    def decoded(self, question: Question) -> Query:
        """The question as the index is asked it. Raises as `query_of` does. Takes its time: for a worker thread."""
        with self.metrics.step("decode"):
            return query_of(question, self.limits.pixels)

    def with_faces(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[int]:
        """Which pictures, uint8 [h, w, 3], the gate stops, counted from 1. For a worker thread."""
        with self.metrics.step("gate"):
            return with_faces(pictures, self.gate)

    def search(self, query: Query, generation: Generation, *, rerank: bool = True) -> Answer:
        """Answer a query; see index.search. Without `rerank` by embeddings alone. For a worker thread."""
        return search(query, generation, self.encoder, self._closer(rerank), self.metrics.step)

    def recorded_search(
        self,
        question: Question,
        query: Query,
        generation: Generation,
        visitor: Visitor,
        about: tuple[str, str] = ("", ""),
    ) -> Answer:
        """Answer an investigator's query and write it into the audit. For a worker thread.

        Args:
            about: the object it is for, its source and its id, or neither.

        Raises:
            WorkspaceError: it cannot be recorded; then it is not answered either.
        """
        answer = self.search(query, generation, rerank=question.rerank)
        told = search_told(question, query.without_images, generation, self._closer(question.rerank), answer)
        self.audit.append("search", visitor.name, object=list(about) if about[1] else None, **told)
        return answer

    def _closer(self, rerank: bool) -> Closer | None:
        return self.closer if rerank else None


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


async def leased(services: Annotated[Services, Depends(services)]) -> AsyncIterator[Generation]:
    """The live generation, for as long as the request lasts."""
    with services.live.lease() as generation:
        yield generation


TheServices = Annotated[Services, Depends(services)]


def in_measure(request: Request, services: TheServices, visitor: TheVisitor) -> None:
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


InMeasure = Depends(in_measure)
LiveOne = Annotated[Generation, Depends(leased)]
