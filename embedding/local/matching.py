"""Keypoints matched between a query and catalogue pictures, and verified by fitting one plane to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from embedding.image.regions import Region
from embedding.local.features import LocalFeatures
from embedding.local.plane import PLANE_SIDE, fit, fit_similarity

Points = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]
# Points of a query and of a target [n, 2] each -> the pairs that one transform explains.
Fit = Callable[[Points, Points], npt.NDArray[np.intp]]

MIN_DESCRIPTOR_SIMILARITY = 0.75
# How many of the strongest keypoints of a query and of a candidate are compared at first.
COARSE_QUERY_KEYPOINTS, COARSE_CANDIDATE_KEYPOINTS = 300, 100


@dataclass(frozen=True)
class SurfaceAgreement:
    """How far the surface of a query, aligned with a catalogue picture, agrees with it.

    `structure`: mean correlation of small windows, -1..1; `colour`: mean difference in CIELAB units as OpenCV scales
    them, after a common change of light has been removed.
    """

    structure: float
    colour: float


@dataclass(frozen=True, eq=False)
class GeometricMatch:
    """The keypoints that a query and one catalogue picture share on one plane.

    `pairs`: float32 [i, 4], the inliers: x, y in the query and x, y in the catalogue picture, in fractions.
    `agreement`: of the whole surface; None where the pictures were not aligned.
    """

    pairs: npt.NDArray[np.float32]
    agreement: SurfaceAgreement | None = None

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


def match(query: LocalFeatures, candidates: Sequence[LocalFeatures]) -> list[GeometricMatch]:
    """Compare a query with catalogue pictures: one GeometricMatch per candidate, in their order.

    XFeat's descriptors are not invariant to rotation, so both must be the same way up. The result is deterministic.
    """
    return _compared(_QueryKeypoints(query), candidates, fit)


def match_coarsely(query: LocalFeatures, candidates: Sequence[LocalFeatures]) -> list[GeometricMatch]:
    """The same at a tenth of the cost: the strongest keypoints alone, on one similarity transform.

    A rotation, a scale and a shift need two pairs instead of four, so few samples suffice; what a plane seen at an
    angle adds to that is within the tolerance. It tells which candidates are worth comparing by `match`.
    """
    few = [candidate.strongest(COARSE_CANDIDATE_KEYPOINTS) for candidate in candidates]
    return _compared(_QueryKeypoints(query.strongest(COARSE_QUERY_KEYPOINTS)), few, fit_similarity)


def max_inliers(matches: Sequence[GeometricMatch]) -> int:
    """The most keypoints that a query shares with any of its candidates."""
    return max((match.inliers for match in matches), default=0)


@cache
def _limit_blas_threads() -> None:
    """Keep NumPy's matrix product to one thread: those of several searches at once take three times as long.

    The limit is never lifted, because another thread may still rely on it.
    """
    blas = ThreadpoolController().select(user_api="blas")
    for library in blas.lib_controllers:
        if "numpy" in library.filepath:
            library.set_num_threads(1)


class _QueryKeypoints:
    """The keypoints of a query, prepared once for comparison with many pictures."""

    def __init__(self, features: LocalFeatures) -> None:
        self.fractions = features.keypoints
        self.points = _plane(features.keypoints, features.size)
        self.descriptors = np.ascontiguousarray(_unit(features.descriptors).T)


def _compared(query: _QueryKeypoints, candidates: Sequence[LocalFeatures], fit: Fit) -> list[GeometricMatch]:
    """Each candidate compared with a query, in their order.

    One thread does it all: beside each other a search's threads take a third more of the processor, which the searches
    of others need, and are hardly sooner done.
    """
    _limit_blas_threads()
    return [_compare(query, candidate, fit) for candidate in candidates]


def _compare(query: _QueryKeypoints, candidate: LocalFeatures, fit: Fit) -> GeometricMatch:
    left, right = mutual_nearest(query.descriptors, _unit(candidate.descriptors))
    inliers = fit(query.points[left], _plane(candidate.keypoints[right], candidate.size))
    on_query, on_candidate = query.fractions[left[inliers]], candidate.keypoints[right[inliers]]
    return GeometricMatch(np.concatenate([on_query, on_candidate], axis=1))


def mutual_nearest(query: Floats, target: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Keypoints that are each other's nearest, of a cosine of at least MIN_DESCRIPTOR_SIMILARITY.

    Args:
        query: float32 [64, n], unit columns.
        target: float32 [m, 64], unit rows.

    Returns:
        Indices into query and into target, [i] each.
    """
    if not query.shape[1] or not len(target):
        nothing = np.empty(0, np.intp)
        return nothing, nothing
    similarity = np.matmul(target, query, out=_scratch(len(target), query.shape[1]))
    nearest = similarity.argmax(axis=1)
    best = similarity[np.arange(len(target)), nearest]
    mutual = np.flatnonzero((best >= MIN_DESCRIPTOR_SIMILARITY) & (similarity.max(axis=0)[nearest] == best))
    return nearest[mutual], mutual


_memory = threading.local()


def _scratch(rows: int, columns: int) -> Floats:
    """An array float32 [rows, columns] for one computation of this thread; the next one overwrites it.

    Memory fresh from the system is cleared first, which takes twice as long as the product that is written to it.
    """
    kept: Floats | None = getattr(_memory, "kept", None)
    if kept is None or kept.size < rows * columns:
        kept = _memory.kept = np.empty(rows * columns, np.float32)
    return kept[: rows * columns].reshape(rows, columns)


def _unit(descriptors: npt.NDArray[np.int8]) -> Floats:
    values = descriptors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
    values /= np.maximum(lengths, 1)[:, None]
    return values


def _plane(fractions: Points, size: tuple[int, int]) -> Points:
    """Points in fractions -> points in square units, the long side PLANE_SIDE units long."""
    scale = np.array(size, np.float32) * (PLANE_SIDE / max(size))
    return (fractions * scale).astype(np.float32)


def _box(fractions: Points) -> Region | None:
    if len(fractions) < 2:
        return None
    (x0, y0), (x1, y1) = fractions.min(axis=0).tolist(), fractions.max(axis=0).tolist()
    return Region(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
