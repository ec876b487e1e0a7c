"""What a night computes of every picture: embeddings, local features, text; each once, unless it was damaged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from index.jobs.context import JobContext
from index.jobs.embed import embed_missing
from index.jobs.make_features import make_missing
from index.jobs.read_text import ReadText, read_missing
from index.records.feed_records import Refusal
from index.stores.vectors import VectorStore


@dataclass(frozen=True)
class Computed:
    """The embeddings and text that a generation is built from.

    `embedded` counts the pictures that were embedded now, `refused` are those that have no embedding; `warnings`: what
    was damaged, and what there was no time for.
    """

    vectors: VectorStore
    text: ReadText
    embedded: int
    refused: tuple[Refusal, ...]
    warnings: tuple[str, ...]


def compute_missing(context: JobContext) -> Computed:
    """Compute what the stores lack of the catalogue's pictures; it is stored batch by batch: a crash loses little."""
    vectors = VectorStore.open(context.workspace.objects, context.encoder.card)
    embedded, refused = embed_missing(context, vectors)
    warnings = make_missing(context)
    text = read_missing(context)
    return Computed(vectors, text, embedded, tuple(refused), (*warnings, *text.warnings))


def repair_embeddings(context: JobContext, computed: Computed) -> Computed | None:
    """Check all stored embeddings before a generation is built from them, and compute damaged ones again.

    Returns:
        what is computed now; None where nothing was damaged.
    """
    damaged = computed.vectors.damaged()
    if not damaged:
        return None
    computed.vectors.discard(damaged)
    embedded, refused = embed_missing(context, computed.vectors)
    warning = f"{len(damaged)} stored embeddings were damaged and are computed again: check that disk"
    return replace(
        computed,
        embedded=computed.embedded + embedded,
        refused=tuple(refused),
        warnings=(*computed.warnings, warning),
    )
