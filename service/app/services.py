"""The components of one running server, shared by the API and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder
from embedding.text.reading import TextReader
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
from service.app.authorities import Authorities
from service.app.comparison_queue import ComparisonQueue
from service.app.desk import Desk
from service.app.gate import pictures_with_faces
from service.app.leads import Leads
from service.app.limits import ReservedBytes, SearchQueue, ServerLimits
from service.app.listing import ObjectListing
from service.app.live import LiveGeneration
from service.app.metrics import Metrics
from service.app.rate_limiter import Limiter
from service.app.recorded_search import search_record
from service.app.search_request import SearchRequest, decoded_query
from service.app.searched_objects import SearchedObjects
from service.app.settled import SettledObjects
from service.app.stopping import Stopping

if TYPE_CHECKING:
    from service.accounts.openid_client import OpenId


@dataclass(frozen=True)
class Services:
    """The components of one running server. `search_limiter` is None where searches are not rate limited."""

    workspace: Workspace
    live: LiveGeneration
    encoder: Encoder
    reranker: Reranker | None
    text_reader: TextReader | None
    gate: Gate | None
    images: ImageStore
    limits: ServerLimits
    search_queue: SearchQueue
    reserved_bytes: ReservedBytes
    comparisons: ComparisonQueue
    public_bytes: ReservedBytes
    accounts: Accounts
    audit: Audit
    leads: Leads
    desk: Desk
    openid: OpenId | None
    sign_in_limiter: Limiter
    search_limiter: Limiter | None
    metrics: Metrics
    authorities: Authorities
    settled: SettledObjects
    listing: ObjectListing
    searched: SearchedObjects
    stopping: Stopping

    def decode_query(self, request: SearchRequest) -> Query:
        """The query of a search request. Raises as `decoded_query` does. Slow: call it from a worker thread."""
        with self.metrics.step("decode"):
            return decoded_query(request, self.limits.pixels)

    def pictures_with_faces(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[int]:
        """The numbers, from 1, of the pictures uint8 [h, w, 3] that the gate stops. Call it from a worker thread."""
        with self.metrics.step("gate"):
            return pictures_with_faces(pictures, self.gate)

    def search(self, query: Query, generation: Generation, *, rerank: bool = True) -> Answer:
        """Answer a query (index.search.search); without `rerank` by embeddings alone. Call it from a worker thread."""
        reranker = self._reranker(rerank)
        return search(query, generation, self.encoder, reranker, self.metrics.step, text_reader=self.text_reader)

    def recorded_search(
        self,
        request: SearchRequest,
        query: Query,
        generation: Generation,
        visitor: Visitor,
        object_key: tuple[str, str] = ("", ""),
    ) -> Answer:
        """Answer an investigator's query and record it in the audit. Call it from a worker thread.

        Args:
            object_key: (source, id) of the object that the search is for, or two empty strings.

        Raises:
            WorkspaceError: it cannot be recorded; then it is not answered either.
        """
        answer = self.search(query, generation, rerank=request.rerank)
        card, reranker = self.encoder.card, self._reranker(request.rerank)
        record = search_record(request, query, generation, card, reranker, answer, self.text_reader)
        self.audit.append("search", visitor.name, object=list(object_key) if object_key[1] else None, **record)
        return answer

    def _reranker(self, rerank: bool) -> Reranker | None:
        return self.reranker if rerank else None
