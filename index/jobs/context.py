"""The objects that every step of a job needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedding.encoders.protocol import Encoder
from embedding.text.reading import TextReader
from index.coordination.protocol import PublicationRecord, unrecorded
from index.progress import Progress
from index.records.catalogue import Catalogue
from index.search.rerank import Reranker
from index.stores.images import ImageStore
from index.workers.in_process import InProcess
from index.workers.protocol import Workers
from index.workspace import Workspace


@dataclass(frozen=True)
class JobContext:
    """A locked workspace with its catalogue and images, the model, and the receiver of progress.

    Without a `reranker` searches are by embeddings alone; without a `text_reader` no text is read. `record_publication`
    records that a generation is live. `workers` compute what each picture needs.
    """

    workspace: Workspace
    catalogue: Catalogue
    images: ImageStore
    encoder: Encoder
    reranker: Reranker | None
    progress: Progress
    text_reader: TextReader | None = None
    record_publication: PublicationRecord = unrecorded
    workers: Workers = field(default_factory=InProcess)
