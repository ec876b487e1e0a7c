"""Which keypoints of a query have their like in a catalogue picture, and whether one plane explains them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from embedding.image.regions import Region
from embedding.local.features import LocalFeatures
from embedding.local.plane import PLANE, fit

Points = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]

LEAST_SIMILARITY = 0.75
WORKERS = 2


@dataclass(frozen=True)
class Agreement:
    """How far a query laid over a catalogue picture agrees with it.

    `structure`: mean correlation of small windows, -1..1; `colour`: mean difference in CIELAB units as OpenCV scales
    them, the light discounted.
    """

    structure: float
    colour: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a query and one catalogue picture have in common.

    `pairs`: float32 [i, 4], the inliers: x, y in the query and x, y in the catalogue picture, in fractions.
    `matches`: how many keypoints were each other's nearest before geometry was asked.
    `covered_query`, `covered_catalogue`: share of either picture's area under the hull of the inliers.
    `colour_distance`: median distance of the inliers' colours, in CIELAB units, after the light has been discounted;
        NaN without inliers.
    `agreement`: of the whole surface, or None where one was not laid over the other.
    """

    pairs: npt.NDArray[np.float32]
    matches: int
    covered_query: float
    covered_catalogue: float
    colour_distance: float
    agreement: Agreement | None = None

    @property
    def inliers(self) -> int:
        """How many pairs the plane explains."""
        return len(self.pairs)

    @property
    def region_query(self) -> Region | None:
        """The box of the inliers on the query; None without a box that has an area."""
        return _box(self.pairs[:, :2])

    @property
    def region_catalogue(self) -> Region | None:
        """The box of the inliers on the catalogue picture; None without a box that has an area."""
        return _box(self.pairs[:, 2:])


NOTHING = Evidence(np.empty((0, 4), np.float32), 0, 0.0, 0.0, float("nan"))


def match(query: LocalFeatures, candidates: Sequence[LocalFeatures]) -> list[Evidence]:
    """Compare a query with catalogue pictures: one Evidence per candidate, in their order.

    Both are taken to stand the same way up, for XFeat's descriptors do not follow a rotation. The same arguments give
    the same evidence.
    """
    _multiply_alone()
    asked = _Asked(query)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="matching") as pool:
        return list(pool.map(partial(_compare, asked), candidates))


def most_shared(evidence: Sequence[Evidence]) -> int:
    """The most keypoints that a query shares with any of its candidates."""
    return max((each.inliers for each in evidence), default=0)


@cache
def _multiply_alone() -> None:
    """Let every thread multiply alone: NumPy's own threads beside those of the pool take three times as long.

    For good, for a limit that is lifted while another thread still relies on it is worse than one that stays.
    """
    blas = ThreadpoolController().select(user_api="blas")
    for library in blas.lib_controllers:
        if "numpy" in library.filepath:
            library.set_num_threads(1)


class _Asked:
    """The keypoints of a query, ready for comparison with many."""

    def __init__(self, features: LocalFeatures) -> None:
        self.fractions = features.keypoints
        self.points = _plane(features.keypoints, features.size)
        self.descriptors = np.ascontiguousarray(_unit(features.descriptors).T)
        self.colours = features.colours


def _compare(asked: _Asked, candidate: LocalFeatures) -> Evidence:
    left, right = mutual_nearest(asked.descriptors, _unit(candidate.descriptors))
    inlying = fit(asked.points[left], _plane(candidate.keypoints, candidate.size)[right])
    left_in, right_in = left[inlying], right[inlying]
    if not len(left_in):
        return Evidence(NOTHING.pairs, len(left), 0.0, 0.0, float("nan"))
    on_query, on_candidate = asked.fractions[left_in], candidate.keypoints[right_in]
    return Evidence(
        pairs=np.concatenate([on_query, on_candidate], axis=1),
        matches=len(left),
        covered_query=_hull_area(on_query),
        covered_catalogue=_hull_area(on_candidate),
        colour_distance=colour_distance(asked.colours[left_in], candidate.colours[right_in]),
    )


def mutual_nearest(query: Floats, target: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Keypoints that are each other's nearest and alike enough.

    Args:
        query: float32 [64, n], unit columns.
        target: float32 [m, 64], unit rows.

    Returns:
        Indices into query and into target, [i] each.
    """
    if not query.shape[1] or not len(target):
        nothing = np.empty(0, np.intp)
        return nothing, nothing
    similarity = target @ query
    nearest = similarity.argmax(axis=1)
    likeness = similarity[np.arange(len(target)), nearest]
    kept = np.flatnonzero((likeness >= LEAST_SIMILARITY) & (similarity.max(axis=0)[nearest] == likeness))
    return nearest[kept], kept


def colour_distance(query: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> float:
    """Median distance of paired CIELAB colours uint8 [i, 3], a common cast and brightness taken out."""
    difference = query.astype(np.float32) - target.astype(np.float32)
    difference -= np.median(difference, axis=0)
    return float(np.median(np.linalg.norm(difference[:, 1:], axis=1)))


def _unit(descriptors: npt.NDArray[np.int8]) -> Floats:
    values = descriptors.astype(np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: Floats = values / np.maximum(lengths, 1)
    return unit


def _plane(fractions: Points, size: tuple[int, int]) -> Points:
    """Fractions as points of a plane with square units, the long side PLANE units long."""
    scale = np.array(size, np.float32) * (PLANE / max(size))
    return (fractions * scale).astype(np.float32)


def _hull_area(fractions: Points) -> float:
    return float(cv2.contourArea(cv2.convexHull(np.ascontiguousarray(fractions))))


def _box(fractions: Points) -> Region | None:
    if len(fractions) < 2:
        return None
    (x0, y0), (x1, y1) = fractions.min(axis=0).tolist(), fractions.max(axis=0).tolist()
    return Region(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
