"""The way of a query: pictures and words to candidates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from embedding.encoders.protocol import Encoder, Vectors
from embedding.query_views import QueryViews, embed_views, query_views
from index.errors import GenerationError
from index.generations.calibration import Likelihood
from index.generations.generations import Generation
from index.search.answer import Answer, Query
from index.search.first_stage import first_list
from index.search.group import group
from index.search.likelihood import judge
from index.search.orientation import choose_orientation, correct_rotation
from index.search.rerank import Reranker, RerankResult, rerank

# Entered around a step that is called by its name: whoever asks may time it.
Step = Callable[[str], AbstractContextManager[None]]


def untimed(_: str) -> AbstractContextManager[None]:
    """A Step that nobody times."""
    return nullcontext()


def search(
    query: Query, generation: Generation, encoder: Encoder, reranker: Reranker | None = None, step: Step = untimed
) -> Answer:
    """Answer a query from one generation; without `reranker` by embeddings alone.

    Raises:
        GenerationError: the generation was made with another model than `encoder`.
        TextUnsupported: the query has words and the model no text side.
    """
    _require_model(generation, encoder)
    seen = tuple(query_views(image.region.of(image.pixels)) for image in query.images)
    with step("embed"):
        pictures = embed_views(seen, encoder)
        words = encoder.encode_texts([query.text]) if query.text.strip() else None

    with step("filter"):
        allowed = generation.records.allowed(query.collection, query.filters, query.without_images)

    def examine(seen: Sequence[QueryViews], pictures: Sequence[Vectors]) -> RerankResult:
        with step("first_list"):
            first = first_list(query, pictures, words, generation, allowed)
        with step("closer_look"):
            return rerank(first, seen, reranker)

    examined = examine(seen, pictures)
    with step("orientation"):
        upright = correct_rotation(seen, pictures, examined, encoder, generation.engine(query.collection), allowed)
    if upright is not None:
        examined = choose_orientation(examined, examine(*upright))
    candidates = group(examined, generation.records, query)
    verdict, judged = judge(candidates, _likelihood(generation, query, examined))
    return Answer(
        query_id=str(uuid.uuid4()),
        verdict=verdict,
        generation=generation.number,
        model=generation.manifest.model,
        collection=query.collection,
        candidates=judged,
    )


def _likelihood(generation: Generation, query: Query, examined: RerankResult) -> Likelihood | None:
    """The generation's, where it was fitted on answers found as this one was: only there scores mean the same."""
    fitted = generation.likelihood
    alike = fitted is not None and bool(query.images) and fitted.reranked == bool(examined.looks)
    return fitted if alike else None


def _require_model(generation: Generation, encoder: Encoder) -> None:
    """Refuse to compare embeddings of two models: their numbers mean nothing to each other."""
    made, card = generation.manifest, encoder.card
    if (made.model, made.model_sha256, made.dimension) != (card.name, card.sha256 or "", card.dimension):
        raise GenerationError(
            f"generation {generation.number} was made with {made.model} ({made.dimension} numbers, weights "
            f"{made.model_sha256[:12]}), not with {card.name} ({card.dimension}, {(card.sha256 or '')[:12]}): re-index"
        )
