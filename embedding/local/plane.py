"""Geometric verification: does one view of a plane explain the pairs of points?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

PLANE = 1000.0  # the long side of either picture, in the units that points and tolerance are given in
_TOLERANCE = 10.0
_ITERATIONS = 1000
_CONFIDENCE = 0.999
LEAST_PAIRS = 5
# A plane seen from the side is squeezed, and a far edge is smaller; what exceeds these is chance.
_WORST_SQUEEZE = 8.0
_WORST_SHRINKING = 12.0

Points = npt.NDArray[np.float32]


def fit(query: Points, target: Points) -> npt.NDArray[np.intp]:
    """The pairs that one plausible homography explains, by OpenCV's USAC with MAGSAC++ (Barath et al., CVPR 2020).

    Args:
        query, target: float32 [n, 2], in units of PLANE per long side.

    Returns:
        Indices of the inliers, rising; none where no view of a plane explains at least five pairs.
    """
    nothing = np.empty(0, np.intp)
    if len(query) < LEAST_PAIRS:
        return nothing
    found: Sequence[Any] = cv2.findHomography(
        target, query, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=_ITERATIONS, confidence=_CONFIDENCE
    )
    homography, chosen = found
    if homography is None or chosen is None:
        return nothing
    inlying = np.flatnonzero(chosen.ravel())
    if len(inlying) < LEAST_PAIRS or not plausible(np.asarray(homography, np.float64), target[inlying]):
        return nothing
    return inlying


def plausible(homography: npt.NDArray[np.float64], points: Points) -> bool:
    """Whether a homography [3, 3], at points float32 [n, 2], looks as a camera sees a plane.

    It must keep the sense of rotation (no mirror, no fold), not squeeze one direction out of proportion, and not
    change the scale out of proportion from one point to another.
    """
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ homography.T
    depth = homogeneous[:, 2]
    if np.any(np.abs(depth) < 1e-9) or np.any(np.sign(depth) != np.sign(depth[0])):
        return False
    seen = homogeneous[:, :2] / depth[:, None]
    # The derivative of the map at each point: [n, 2, 2].
    derivative = (homography[None, :2, :2] - seen[:, :, None] * homography[None, 2:3, :2]) / depth[:, None, None]
    stretch = np.linalg.svd(derivative, compute_uv=False)
    area = np.linalg.det(derivative)
    if np.any(area <= 0) or np.any(stretch[:, 1] <= 0):
        return False
    squeezed = np.median(stretch[:, 0] / stretch[:, 1]) > _WORST_SQUEEZE
    shrunk = area.max() / area.min() > _WORST_SHRINKING**2
    return not (squeezed or shrunk)
