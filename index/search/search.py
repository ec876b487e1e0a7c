"""A search, step by step: from pictures and text to ranked candidates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from embedding.encoders.protocol import Encoder, Vectors
from embedding.errors import TextUnsupported
from embedding.query_views import QueryViews, embed_views, query_views
from embedding.text.reading import TextReader
from index.errors import GenerationError
from index.generations.calibration import Likelihood
from index.generations.generations import Generation
from index.records.names import KINDS
from index.search import attribution
from index.search.agreeing_words import with_agreeing_words
from index.search.answer import Answer, Query
from index.search.attribution import attribute
from index.search.first_stage import first_stage
from index.search.group import group_by_entry
from index.search.likelihood import MIN_FILTERED, apply_likelihood, verdict
from index.search.neighbours import RecordedLists, neighbours_of
from index.search.orientation import choose_orientation, correct_rotation
from index.search.rerank import Reranker, RerankResult, rerank
from index.search.text_evidence import read_query, weigh_text

# A context manager around each step, made from the step's name: a caller may measure how long the step takes.
Step = Callable[[str], AbstractContextManager[None]]


def untimed(_: str) -> AbstractContextManager[None]:
    """A Step that measures nothing."""
    return nullcontext()


def search(
    query: Query,
    generation: Generation,
    encoder: Encoder,
    reranker: Reranker | None = None,
    step: Step = untimed,
    *,
    text_reader: TextReader | None = None,
    recorded: RecordedLists = (),
) -> Answer:
    """Answer a query from one generation; without `reranker` by embeddings and text alone.

    Without `text_reader` nothing is read off the pictures; what a person wrote is still searched for. `recorded`: the
    `first_lists` of an answer, to be compared again.

    Raises:
        GenerationError: the generation was made with another model than `encoder`.
        TextUnsupported: the query has words, the model no text side, and the generation no index of words.
    """
    _require_model(generation, encoder)
    views = tuple(query_views(image.region.of(image.pixels)) for image in query.images)
    with step("embed"):
        image_embeddings = embed_views(views, encoder)
        text_embedding = _embed_text(query, generation, encoder)
    with step("read_text"):
        text = read_query(query, views, text_reader)

    with step("filter"):
        neighbours = neighbours_of(query, generation, recorded)
        text_scores = weigh_text(text, query, generation)

    def rank(views: Sequence[QueryViews], image_embeddings: Sequence[Vectors]) -> RerankResult:
        with step("first_stage"):
            candidate_set = first_stage(query, image_embeddings, text_embedding, generation, neighbours, text_scores)
        with step("rerank"):
            return rerank(candidate_set, views, reranker)

    reranked = rank(views, image_embeddings)
    with step("orientation"):
        rotated = correct_rotation(views, image_embeddings, reranked, encoder, neighbours)
    if rotated is not None:
        reranked = choose_orientation(reranked, rank(*rotated))

    ranked = group_by_entry(reranked, generation.records, replace(query, limit=max(query.limit, attribution.DEPTH)))
    likelihood = _likelihood(generation, query, reranked, len(ranked))
    ranked = apply_likelihood(ranked, likelihood, text_scores.decisive if text_scores else frozenset())
    models = generation.attribution if likelihood else {}
    brands, retailers = (attribute(ranked, kind, generation.names, models.get(kind)) for kind in KINDS)
    candidates = with_agreeing_words(ranked[: query.limit], text, query, generation)
    return Answer(
        query_id=str(uuid.uuid4()),
        verdict=verdict(candidates, brands),
        generation=generation.number,
        model=generation.manifest.model,
        collection=query.collection,
        candidates=candidates,
        brands=brands,
        retailers=retailers,
        readings=text.readings,
        first_lists=neighbours.lists,
    )


def _embed_text(query: Query, generation: Generation, encoder: Encoder) -> Vectors | None:
    """The embedding of the query's words, float32 [1, d]; None without words, or where only the index knows words."""
    if not query.text.strip():
        return None
    try:
        return encoder.encode_texts([query.text])
    except TextUnsupported:
        if generation.text is None:
            raise
        return None


def _likelihood(generation: Generation, query: Query, reranked: RerankResult, found: int) -> Likelihood | None:
    """The generation's calibration, if it was fitted on answers found as this one was.

    Other scores differ in scale; and by filters that leave few candidates, `found`, the first seems far ahead.
    """
    likelihood = generation.likelihood
    if likelihood is None or not query.images or likelihood.reranked != bool(reranked.image_matches):
        return None
    return None if query.filters and found < MIN_FILTERED else likelihood


def _require_model(generation: Generation, encoder: Encoder) -> None:
    """Refuse to compare embeddings of two models, which have nothing to do with each other."""
    manifest, card = generation.manifest, encoder.card
    if (manifest.model, manifest.model_sha256, manifest.dimension) != (card.name, card.sha256 or "", card.dimension):
        raise GenerationError(
            f"generation {generation.number} was made with {manifest.model} ({manifest.dimension} numbers, weights "
            f"{manifest.model_sha256[:12]}), not with {card.name} ({card.dimension}, {(card.sha256 or '')[:12]}): "
            "re-index"
        )
