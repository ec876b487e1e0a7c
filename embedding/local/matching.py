"""Which keypoints of a query have their like in a catalogue picture, and whether one plane explains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from embedding.local.features import LocalFeatures
from embedding.local.plane import PLANE, fit
from embedding.regions import Region

Points = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]

LEAST_SIMILARITY = 0.75
# With this many inliers upright somewhere in the list, the query was not taken turned.
ENOUGH_UPRIGHT = 25
# A turned query shares at least this many keypoints with something, and so many times those of the upright one.
LEAST_TURNED = 15
TURNED_BETTER = 1.5
# Candidates come nearest first; a query that was turned shows with these.
TURNED_TRIED = 60
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
    `turn`: quarter turns, counter-clockwise, that bring the query into the catalogue picture's orientation.
    `covered_query`, `covered_catalogue`: share of either picture's area under the hull of the inliers.
    `colour_distance`: median distance of the inliers' colours, in CIELAB units, after the light has been discounted;
        NaN without inliers.
    `agreement`: of the whole surface, or None where one was not laid over the other.
    """

    pairs: npt.NDArray[np.float32]
    matches: int
    turn: int
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


NOTHING = Evidence(np.empty((0, 4), np.float32), 0, 0, 0.0, 0.0, float("nan"))


def match_upright(query: LocalFeatures, candidates: Sequence[LocalFeatures]) -> list[Evidence]:
    """Compare a query, taken to be upright, with catalogue pictures: one Evidence per candidate, in their order."""
    return _compare_all(_View(query, 0), _targets(candidates))


def match(
    query: LocalFeatures,
    turned: Callable[[], LocalFeatures],
    candidates: Sequence[LocalFeatures],
    upright: Sequence[Evidence] = (),
) -> list[Evidence]:
    """Compare a query with catalogue pictures. The same arguments give the same evidence.

    A query has one orientation for all candidates: a turned one is taken only where it brings clearly more to light
    than the upright one, and is tried on the first candidates only, where nothing matches well upright.

    Args:
        turned: gives the features of the query turned; asked for only where they are tried.
        upright: what `match_upright` found of the first candidates, which is not done again.

    Returns:
        One Evidence per candidate, in their order.
    """
    upright = [*upright, *match_upright(query, candidates[len(upright) :])]
    least = max(LEAST_TURNED, TURNED_BETTER * most_shared(upright))
    if least > TURNED_BETTER * ENOUGH_UPRIGHT:
        return upright
    query, near = turned(), _targets(candidates[:TURNED_TRIED])
    views = [_View(query, turn) for turn in (1, 2, 3)]
    tried = [_compare_all(view, near) for view in views]
    best = max(range(len(views)), key=lambda number: most_shared(tried[number]))
    if most_shared(tried[best]) >= least:
        return tried[best] + _compare_all(views[best], _targets(candidates[TURNED_TRIED:]))
    return upright


def most_shared(evidence: Sequence[Evidence]) -> int:
    """The most keypoints that a query shares with any of its candidates."""
    return max((each.inliers for each in evidence), default=0)


def _targets(candidates: Sequence[LocalFeatures]) -> list[_Target]:
    return [_Target(candidate) for candidate in candidates]


def _compare_all(view: _View, targets: Sequence[_Target]) -> list[Evidence]:
    _multiply_alone()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="matching") as pool:
        return list(pool.map(partial(_compare, view), targets))


@cache
def _multiply_alone() -> None:
    """Let every thread multiply alone: NumPy's own threads beside those of the pool take three times as long.

    For good, for a limit that is lifted while another thread still relies on it is worse than one that stays.
    """
    blas = ThreadpoolController().select(user_api="blas")
    for library in blas.lib_controllers:
        if "numpy" in library.filepath:
            library.set_num_threads(1)


class _View:
    """The keypoints of a query under one turn, ready for comparison."""

    def __init__(self, features: LocalFeatures, turn: int) -> None:
        chosen = features.turns == turn
        self.turn = turn
        self.fractions = features.keypoints[chosen]
        self.points = _plane(self.fractions, features.size)
        self.descriptors = np.ascontiguousarray(_unit(features.descriptors[chosen]).T)
        self.colours = features.colours[chosen]


class _Target:
    """A candidate, ready for comparison."""

    def __init__(self, features: LocalFeatures) -> None:
        self.fractions = features.keypoints
        self.points = _plane(features.keypoints, features.size)
        self.descriptors = _unit(features.descriptors)
        self.colours = features.colours


def _compare(view: _View, target: _Target) -> Evidence:
    left, right = mutual_nearest(view.descriptors, target.descriptors)
    inlying = fit(view.points[left], target.points[right])
    left_in, right_in = left[inlying], right[inlying]
    if not len(left_in):
        return Evidence(NOTHING.pairs, len(left), view.turn, 0.0, 0.0, float("nan"))
    on_query, on_target = view.fractions[left_in], target.fractions[right_in]
    return Evidence(
        pairs=np.concatenate([on_query, on_target], axis=1),
        matches=len(left),
        turn=view.turn,
        covered_query=_hull_area(on_query),
        covered_catalogue=_hull_area(on_target),
        colour_distance=colour_distance(view.colours[left_in], target.colours[right_in]),
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
