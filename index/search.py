"""The way of a query: pictures and words to candidates."""

from __future__ import annotations

import uuid

import numpy as np

from embedding.encoders.protocol import Encoder, Vectors
from embedding.views import prepare_views
from index.answer import Answer, Query
from index.engines.protocol import NO_ROW, Rows
from index.generations import Generation
from index.group import Similarities, group

FIRST_LIST = 200


def search(query: Query, generation: Generation, encoder: Encoder) -> Answer:
    """Answer a query from one generation.

    Raises:
        TextUnsupported: the query has words and the model no text side.
    """
    pictures = embed_pictures(query, encoder)
    words = encoder.encode_texts([query.text]) if query.text.strip() else None
    first = first_list(query, pictures, words, generation)
    similarities = compare(first, pictures, words, query, generation)
    candidates = group(similarities, generation.records, query)
    return Answer(
        query_id=str(uuid.uuid4()),
        verdict="candidates" if candidates else "no good match",
        generation=generation.number,
        model=generation.manifest.model,
        collection=query.collection,
        candidates=candidates,
    )


def embed_pictures(query: Query, encoder: Encoder) -> Vectors:
    """One embedding per picture of the query, of its box: float32 [n, d]."""
    prepared = [prepare_views(image.pixels, (image.region,), encoder.card.preprocess) for image in query.images]
    if not prepared:
        return np.empty((0, encoder.card.dimension), np.float32)
    return encoder.encode_images(np.concatenate(prepared))


def first_list(query: Query, pictures: Vectors, words: Vectors | None, generation: Generation) -> Rows:
    """The rows worth a closer look: the nearest of every picture and of the words, rising, each once.

    A product with many pictures takes many rows: the list is widened until it names as many entries as are asked for.
    """
    engine = generation.engine(query.collection)
    allowed = generation.records.allowed(query.collection, query.filters, query.without_images)
    asked = pictures if words is None else np.concatenate([pictures, words])
    available = engine.stats().count if allowed is None else len(allowed)
    wide = max(FIRST_LIST, 4 * query.limit)
    while True:
        _, found = engine.search(asked, max(1, min(wide, available)), allowed)
        rows = np.unique(found[found != NO_ROW])
        entries = {shown.entry for shown in generation.records.shown(query.collection, rows.tolist()).values()}
        if len(entries) >= query.limit or wide >= available:
            return rows
        wide *= 4


def compare(rows: Rows, pictures: Vectors, words: Vectors | None, query: Query, generation: Generation) -> Similarities:
    """Every row of the first list against every picture and the words."""
    vectors = generation.engine(query.collection).vectors(rows)
    return Similarities(
        rows=rows,
        pictures=vectors @ pictures.T,
        words=None if words is None else (vectors @ words.T)[:, 0],
    )
