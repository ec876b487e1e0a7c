"""The first stage: the catalogue images nearest by cosine, each with its similarity to the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedding.encoders.protocol import Vectors
from embedding.image.regions import Region
from embedding.query_views import combine_cosines
from index.engines.protocol import NO_ROW, Rows
from index.generations.generations import Generation
from index.generations.snapshot import IndexedView
from index.generations.spread import CosineSpread
from index.search.answer import Query
from index.search.neighbours import Neighbours
from index.search.text_evidence import TextScores

# At least this many rows are requested from the engine.
MIN_ROWS = 200
# Beyond this, an image that so many products share is not searched around.
MAX_ROWS = 12_800


@dataclass(frozen=True)
class CandidateSet:
    """The images of entries that may answer, one for each (entry, image) pair [s], by entry and image.

    `image_cosines`: the best cosine of an image's views to each query picture, float32 [s, n], itself combined from the
    cosines to the views of that query picture; `text_cosines`: to the query's text, float32 [s], or None.
    `standard_cosines`: the same as `image_cosines` in standard deviations from the mean of unrelated entries, which
    means the same under every model. `regions`: the view that fits best. `text_bonus`: what the text on the object adds
    to the score, float32 [s], or None where there is none.
    """

    entries: tuple[int, ...]
    images: tuple[str, ...]
    regions: tuple[Region, ...]
    image_cosines: Vectors
    standard_cosines: Vectors
    text_cosines: Vectors | None
    text_bonus: Vectors | None = None

    def __len__(self) -> int:
        return len(self.entries)


def first_stage(
    query: Query,
    image_embeddings: Sequence[Vectors],
    text_embedding: Vectors | None,
    generation: Generation,
    neighbours: Neighbours,
    text: TextScores | None = None,
) -> CandidateSet:
    """The nearest images of every query picture and of the text, and those that carry its words, compared with all.

    Args:
        image_embeddings: of the views of each query picture, float32 [v, d]; text_embedding: float32 [1, d] or None.
        neighbours: the rows that may answer.
        text: what the words on the object say; its candidates join those that the embeddings find.

    A product with many pictures takes many rows, and so does an image that many products share: more rows are searched
    until they name `query.limit` entries and as many images, the latter among MAX_ROWS at most.
    """
    embeddings = [*image_embeddings, *([] if text_embedding is None else [text_embedding])]
    by_text, spread = _rows_of(text, generation, query), generation.spread(query.collection)
    if not embeddings:
        indexed, vectors = _indexed(by_text, generation, query, neighbours)
        return _with_text(compare_rows(indexed, vectors, image_embeddings, None, spread), text)
    count = max(MIN_ROWS, 4 * query.limit)
    while True:
        _, nearest = neighbours.search(np.concatenate(embeddings), max(1, min(count, neighbours.available)))
        rows = np.union1d(nearest[nearest != NO_ROW], by_text)
        indexed, vectors = _indexed(rows, generation, query, neighbours)
        enough_entries = len({view.entry for view in indexed}) >= query.limit
        enough_images = len({view.image for view in indexed}) >= query.limit or count >= MAX_ROWS
        if (enough_entries and enough_images) or count >= neighbours.available or (nearest == NO_ROW).any():
            return _with_text(compare_rows(indexed, vectors, image_embeddings, text_embedding, spread), text)
        count *= 4


def _rows_of(text: TextScores | None, generation: Generation, query: Query) -> Rows:
    """The rows that the text brings in, int64 [m], rising. Their entries pass the filters (weigh_text)."""
    found = [row for entry in text.candidates for row in generation.records.rows_of(entry)] if text else []
    rows = np.unique(np.array(found, np.int64))
    if not query.without_images:
        return rows
    views = generation.records.views(query.collection, rows.tolist())
    return np.array([row for row in rows.tolist() if views[row].image not in query.without_images], np.int64)


def _indexed(
    rows: Rows, generation: Generation, query: Query, neighbours: Neighbours
) -> tuple[list[IndexedView], Vectors]:
    """What some rows stand for, and their vectors float32 [m, d]."""
    view_of_row = generation.records.views(query.collection, rows.tolist())
    return [view_of_row[row] for row in rows.tolist()], neighbours.vectors(rows)


def _with_text(candidate_set: CandidateSet, text: TextScores | None) -> CandidateSet:
    """The same with what the text adds. For words alone their share is the similarity, or on top of the model's."""
    if text is None:
        return candidate_set
    if candidate_set.image_cosines.shape[1]:
        return replace(candidate_set, text_bonus=text.bonus(candidate_set.entries))
    cosines = 0 if candidate_set.text_cosines is None else candidate_set.text_cosines
    return replace(candidate_set, text_cosines=cosines + text.share(candidate_set.entries))


def compare_rows(
    indexed: Sequence[IndexedView],
    vectors: Vectors,
    image_embeddings: Sequence[Vectors],
    text_embedding: Vectors | None,
    spread: CosineSpread,
) -> CandidateSet:
    """Compare every row with every query picture and the text, and bring the views of one image together.

    Args:
        indexed: what the rows stand for; vectors: theirs, float32 [m, d].
    """
    cosines = [combine_cosines(views @ vectors.T, spread.mean) for views in image_embeddings]
    image_cosines: Vectors = np.stack(cosines, axis=1) if cosines else np.empty((len(indexed), 0), np.float32)
    text_cosines: Vectors | None = None if text_embedding is None else (vectors @ text_embedding.T)[:, 0]
    places: dict[tuple[int, str], list[int]] = {}
    for place, view in enumerate(indexed):
        places.setdefault((view.entry, view.image), []).append(place)
    keys = sorted(places)
    closeness = image_cosines.sum(axis=1) if text_cosines is None or len(image_embeddings) else text_cosines
    nearness = closeness.tolist()
    best = [max(places[key], key=nearness.__getitem__) for key in keys]
    # The views of one image beside each other, and where those of each begin.
    flat = np.array([place for key in keys for place in places[key]], np.intp)
    starts = np.cumsum([0, *(len(places[key]) for key in keys)])[:-1]
    kept_image_cosines = _best(image_cosines[flat], starts)
    return CandidateSet(
        entries=tuple(entry for entry, _ in keys),
        images=tuple(image for _, image in keys),
        regions=tuple(indexed[place].region for place in best),
        image_cosines=kept_image_cosines,
        standard_cosines=spread.standardised(kept_image_cosines),
        text_cosines=None if text_cosines is None else _best(text_cosines[flat], starts),
    )


def _best(cosines: Vectors, starts: Rows) -> Vectors:
    """The largest of the cosines [m, ...] from each start to the next."""
    return np.asarray(np.maximum.reduceat(cosines, starts, axis=0) if len(starts) else cosines, np.float32)
