"""The first list: the catalogue pictures worth a closer look, each with its similarity to the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedding.encoders.protocol import Vectors
from embedding.image.regions import Region
from embedding.query_views import combine
from index.engines.protocol import NO_ROW, Rows
from index.generations.generations import Generation
from index.generations.snapshot import IndexedView
from index.search.answer import Query

WIDTH = 200


@dataclass(frozen=True)
class CandidateSet:
    """Pictures of entries, one for each (entry, image) pair [s], by entry and image.

    `pictures`: the best cosine of its views to each query picture, float32 [s, n], itself combined from the
    cosines to the views of that query picture; `words`: to the words [s], or None.
    `regions`: the view that fits best.
    """

    entries: tuple[int, ...]
    images: tuple[str, ...]
    regions: tuple[Region, ...]
    pictures: Vectors
    words: Vectors | None

    def __len__(self) -> int:
        return len(self.entries)


def first_list(
    query: Query, pictures: Sequence[Vectors], words: Vectors | None, generation: Generation, allowed: Rows | None
) -> CandidateSet:
    """The nearest pictures of every query picture and of the words, compared with all of them.

    Args:
        pictures: of each query picture the embeddings of its views, float32 [v, d]; words: float32 [1, d] or None.
        allowed: the rows that may answer, int64 [m], rising; None allows all.

    A product with many pictures takes many rows: the list is widened until it names as many entries as are asked for.
    """
    engine = generation.engine(query.collection)
    asked = np.concatenate([*pictures, *([] if words is None else [words])])
    available = engine.stats().count if allowed is None else len(allowed)
    wide = max(WIDTH, 4 * query.limit)
    while True:
        _, found = engine.search(asked, max(1, min(wide, available)), allowed)
        rows = np.unique(found[found != NO_ROW])
        by_row = generation.records.shown(query.collection, rows.tolist())
        shown = [by_row[row] for row in rows.tolist()]
        if len({one.entry for one in shown}) >= query.limit or wide >= available:
            return _compare(shown, engine.vectors(rows), pictures, words)
        wide *= 4


def _compare(
    shown: Sequence[IndexedView], vectors: Vectors, pictures: Sequence[Vectors], words: Vectors | None
) -> CandidateSet:
    """Every row against every picture and the words; the views of one picture are brought together.

    Args:
        shown: what the rows stand for; vectors: theirs, float32 [m, d].
    """
    cosines = [combine(views @ vectors.T) for views in pictures]
    with_pictures: Vectors = np.stack(cosines, axis=1) if cosines else np.empty((len(shown), 0), np.float32)
    with_words: Vectors | None = None if words is None else (vectors @ words.T)[:, 0]
    places: dict[tuple[int, str], list[int]] = {}
    for place, one in enumerate(shown):
        places.setdefault((one.entry, one.image), []).append(place)
    keys = sorted(places)
    closeness = with_pictures.sum(axis=1) if with_words is None or len(pictures) else with_words
    best = [max(places[key], key=lambda place: float(closeness[place])) for key in keys]
    return CandidateSet(
        entries=tuple(entry for entry, _ in keys),
        images=tuple(image for _, image in keys),
        regions=tuple(shown[place].region for place in best),
        pictures=np.array([with_pictures[places[key]].max(axis=0) for key in keys], np.float32).reshape(
            len(keys), len(pictures)
        ),
        words=None if with_words is None else np.array([with_words[places[key]].max() for key in keys], np.float32),
    )
