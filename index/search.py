"""The way of a query: pictures and words to candidates."""

from __future__ import annotations

import uuid

import numpy as np

from embedding.encoders.protocol import Encoder, Vectors
from embedding.views import prepare_views
from index.answer import Answer, Query
from index.errors import GenerationError
from index.first_list import first_list
from index.generations import Generation
from index.group import group
from index.likelihood import judge
from index.rerank import Closer, rerank


def search(query: Query, generation: Generation, encoder: Encoder, closer: Closer | None = None) -> Answer:
    """Answer a query from one generation; without `closer` by embeddings alone.

    Raises:
        GenerationError: the generation was made with another model than `encoder`.
        TextUnsupported: the query has words and the model no text side.
    """
    _require_model(generation, encoder)
    pictures = embed_pictures(query, encoder)
    words = encoder.encode_texts([query.text]) if query.text.strip() else None
    first = first_list(query, pictures, words, generation)
    examined = rerank(first, query, closer)
    candidates = group(examined, generation.records, query)
    verdict, judged = judge(candidates, generation.likelihood)
    return Answer(
        query_id=str(uuid.uuid4()),
        verdict=verdict,
        generation=generation.number,
        model=generation.manifest.model,
        collection=query.collection,
        candidates=judged,
    )


def embed_pictures(query: Query, encoder: Encoder) -> Vectors:
    """One embedding per picture of the query, of its box: float32 [n, d]."""
    prepared = [prepare_views(image.pixels, (image.region,), encoder.card.preprocess) for image in query.images]
    if not prepared:
        return np.empty((0, encoder.card.dimension), np.float32)
    return encoder.encode_images(np.concatenate(prepared))


def _require_model(generation: Generation, encoder: Encoder) -> None:
    """Refuse to compare embeddings of two models: their numbers mean nothing to each other."""
    made, card = generation.manifest, encoder.card
    if (made.model, made.model_sha256, made.dimension) != (card.name, card.sha256 or "", card.dimension):
        raise GenerationError(
            f"generation {generation.number} was made with {made.model} ({made.dimension} numbers, weights "
            f"{made.model_sha256[:12]}), not with {card.name} ({card.dimension}, {(card.sha256 or '')[:12]}): re-index"
        )
