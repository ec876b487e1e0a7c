"""The parts of one running service, which the API and the pages share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder
from index.generations.generations import Generation
from index.search.answer import Answer, Query
from index.search.rerank import Reranker
from index.search.search import search
from index.sources.gate import Gate
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Visitor
from service.app.audit import Audit
from service.app.desk import Desk
from service.app.gate import with_faces
from service.app.leads import Leads
from service.app.limits import Limits, ReservedBytes, SearchQueue
from service.app.listing import ObjectListing
from service.app.live import LiveGeneration
from service.app.metrics import Metrics
from service.app.question import Question, query_of
from service.app.rates import Rate
from service.app.recorded_search import search_told

if TYPE_CHECKING:
    from service.accounts.openid_client import OpenId


@dataclass(frozen=True)
class Services:
    """The parts of one running service."""

    workspace: Workspace
    live: LiveGeneration
    encoder: Encoder
    reranker: Reranker | None
    gate: Gate | None
    images: ImageStore
    limits: Limits
    turns: SearchQueue
    held: ReservedBytes
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
        return search(query, generation, self.encoder, self._reranker(rerank), self.metrics.step)

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
        card, reranker = self.encoder.card, self._reranker(question.rerank)
        told = search_told(question, query.without_images, generation, card, reranker, answer)
        self.audit.append("search", visitor.name, object=list(about) if about[1] else None, **told)
        return answer

    def _reranker(self, rerank: bool) -> Reranker | None:
        return self.reranker if rerank else None
