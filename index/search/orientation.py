"""Which way up a query's pictures are: of four turns, the one whose nearest picture is nearest.

Shops show things upright, people photograph them as they lie, and neither embeddings nor keypoints follow a turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from embedding.encoders.protocol import Encoder, Vectors
from embedding.query_views import QueryViews, embed_views
from index.engines.protocol import Rows, VectorEngine
from index.search.rerank import RerankResult

# A picture that shares more keypoints than this with one of the catalogue stands the same way up.
MAX_DOUBTFUL_INLIERS = 25
# Most photos are taken upright: so much higher the best candidate of the turned ones has to score to be believed. With
# less, pictures of which a third is hidden lose by it: 0.53 of 97 had their product first with none, 0.58 with this.
MIN_SCORE_GAIN = 0.06
# Of so many the nearest is taken: an engine of short codes may miss it when asked for one.
_NEAREST = 10


def correct_rotation(
    seen: Sequence[QueryViews],
    pictures: Sequence[Vectors],
    examined: RerankResult,
    encoder: Encoder,
    engine: VectorEngine,
    allowed: Rows | None,
) -> tuple[tuple[QueryViews, ...], tuple[Vectors, ...]] | None:
    """A query's pictures with those turned that seem to stand better so, and their embeddings; None where none does.

    Only pictures that a closer look left in doubt are tried.

    Args:
        seen, pictures: of each query picture its views, and their embeddings float32 [v, d].
        examined: what came of them as they are.
        allowed: the rows that may answer, int64 [m], rising; None allows all. No other picture decides a turn.
    """
    standing = list(zip(seen, pictures, strict=True))
    for number, look in enumerate(examined.looks):
        if look.shared > MAX_DOUBTFUL_INLIERS:
            continue
        tried = [seen[number].turned(quarters) for quarters in (1, 2, 3)]
        ways = [standing[number], *zip(tried, embed_views(tried, encoder), strict=True)]
        # The first of several as near: as it is.
        standing[number] = max(ways, key=lambda way: _nearness(way[1], engine, allowed))
    if all(one is given for (one, _), given in zip(standing, seen, strict=True)):
        return None
    return tuple(one for one, _ in standing), tuple(rows for _, rows in standing)


def choose_orientation(given: RerankResult, turned: RerankResult) -> RerankResult:
    """What came of a query's pictures as they are, or turned where that finds something that scores clearly higher."""
    return turned if _best(turned) > _best(given) + MIN_SCORE_GAIN else given


def _best(examined: RerankResult) -> float:
    return float(examined.scores.mean(axis=1).max(initial=0.0))


def _nearness(views: Vectors, engine: VectorEngine, allowed: Rows | None) -> float:
    """The cosine of the view float32 [v, d] that comes nearest to anything that may answer."""
    return float(engine.search(views, _NEAREST, allowed)[0].max())
