"""A search, step by step: from pictures and text to ranked candidates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from embedding.encoders.protocol import Encoder, Vectors
from embedding.query_views import QueryViews, embed_views, query_views
from index.errors import GenerationError
from index.generations.calibration import Likelihood
from index.generations.generations import Generation
from index.records.names import KINDS
from index.search import attribution
from index.search.answer import Answer, Query
from index.search.attribution import attribute
from index.search.first_stage import first_stage
from index.search.group import group_by_entry
from index.search.likelihood import apply_likelihood
from index.search.orientation import choose_orientation, correct_rotation
from index.search.rerank import Reranker, RerankResult, rerank

# A context manager around each step, made from the step's name: a caller may measure how long the step takes.
Step = Callable[[str], AbstractContextManager[None]]


def untimed(_: str) -> AbstractContextManager[None]:
    """A Step that measures nothing."""
    return nullcontext()


def search(
    query: Query, generation: Generation, encoder: Encoder, reranker: Reranker | None = None, step: Step = untimed
) -> Answer:
    """Answer a query from one generation; without `reranker` by embeddings alone.

    Raises:
        GenerationError: the generation was made with another model than `encoder`.
        TextUnsupported: the query has text and the model no text side.
    """
    _require_model(generation, encoder)
    views = tuple(query_views(image.region.of(image.pixels)) for image in query.images)
    with step("embed"):
        image_embeddings = embed_views(views, encoder)
        text_embedding = encoder.encode_texts([query.text]) if query.text.strip() else None

    with step("filter"):
        allowed = generation.records.allowed(query.collection, query.filters, query.without_images)

    def rank(views: Sequence[QueryViews], image_embeddings: Sequence[Vectors]) -> RerankResult:
        with step("first_stage"):
            candidate_set = first_stage(query, image_embeddings, text_embedding, generation, allowed)
        with step("rerank"):
            return rerank(candidate_set, views, reranker)

    reranked = rank(views, image_embeddings)
    with step("orientation"):
        engine = generation.engine(query.collection)
        rotated = correct_rotation(views, image_embeddings, reranked, encoder, engine, allowed)
    if rotated is not None:
        reranked = choose_orientation(reranked, rank(*rotated))

    ranked = group_by_entry(reranked, generation.records, replace(query, limit=max(query.limit, attribution.DEPTH)))
    likelihood = _likelihood(generation, query, reranked)
    verdict, candidates = apply_likelihood(ranked[: query.limit], likelihood)
    models = generation.attribution if likelihood else {}
    brands, retailers = (attribute(ranked, kind, generation.names, models.get(kind)) for kind in KINDS)
    return Answer(
        query_id=str(uuid.uuid4()),
        verdict=verdict,
        generation=generation.number,
        model=generation.manifest.model,
        collection=query.collection,
        candidates=candidates,
        brands=brands,
        retailers=retailers,
    )


def _likelihood(generation: Generation, query: Query, reranked: RerankResult) -> Likelihood | None:
    """The generation's calibration, if it was fitted on answers found as this one was: other scores differ in scale."""
    likelihood = generation.likelihood
    if likelihood is None or not query.images or likelihood.reranked != bool(reranked.image_matches):
        return None
    return likelihood


def _require_model(generation: Generation, encoder: Encoder) -> None:
    """Refuse to compare embeddings of two models, which have nothing to do with each other."""
    manifest, card = generation.manifest, encoder.card
    if (manifest.model, manifest.model_sha256, manifest.dimension) != (card.name, card.sha256 or "", card.dimension):
        raise GenerationError(
            f"generation {generation.number} was made with {manifest.model} ({manifest.dimension} numbers, weights "
            f"{manifest.model_sha256[:12]}), not with {card.name} ({card.dimension}, {(card.sha256 or '')[:12]}): "
            "re-index"
        )
