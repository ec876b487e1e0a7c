"""The way of a query: pictures and words to candidates."""

from __future__ import annotations

import uuid

import numpy as np

from embedding.encoders.protocol import Encoder, Vectors
from embedding.views import prepare_views
from index.answer import Answer, Query
from index.first_list import first_list
from index.generations import Generation
from index.group import group
from index.likelihood import judge
from index.rerank import Closer, rerank


def search(query: Query, generation: Generation, encoder: Encoder, closer: Closer | None = None) -> Answer:
    """Answer a query from one generation; without `closer` by embeddings alone.

    Raises:
        TextUnsupported: the query has words and the model no text side.
    """
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
