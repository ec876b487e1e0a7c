"""Geometric verification: does one view of a plane, or one similarity transform, explain the pairs of points?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

PLANE_SIDE = 1000.0  # the long side of either picture, in the units of points and tolerance
_INLIER_TOLERANCE = 10.0
_MAX_ITERATIONS = 1000
_CONFIDENCE = 0.999
_SIMILARITY_TOLERANCE = 30.0
_SIMILARITY_ITERATIONS = 300
_SIMILARITY_CONFIDENCE = 0.99
MIN_INLIERS = 5
# A plane seen at an angle is foreshortened, and its far edge is smaller; beyond these limits a fit is due to chance.
_MAX_ANISOTROPY = 8.0
_MAX_SCALE_CHANGE = 12.0

Points = npt.NDArray[np.float32]


def fit(query: Points, target: Points) -> npt.NDArray[np.intp]:
    """The pairs that one plausible homography explains, by OpenCV's USAC with MAGSAC++ (Barath et al., CVPR 2020).

    Args:
        query, target: float32 [n, 2], in units of PLANE_SIDE per long side.

    Returns:
        Indices of the inliers, rising; none where no view of a plane explains at least MIN_INLIERS pairs.
    """
    nothing = np.empty(0, np.intp)
    if len(query) < MIN_INLIERS:
        return nothing
    found: Sequence[Any] = cv2.findHomography(
        target, query, cv2.USAC_MAGSAC, _INLIER_TOLERANCE, maxIters=_MAX_ITERATIONS, confidence=_CONFIDENCE
    )
    homography, inlier_mask = found
    if homography is None or inlier_mask is None:
        return nothing
    inliers = np.flatnonzero(inlier_mask.ravel())
    if len(inliers) < MIN_INLIERS or not plausible(np.asarray(homography, np.float64), target[inliers]):
        return nothing
    return inliers


def fit_similarity(query: Points, target: Points) -> npt.NDArray[np.intp]:
    """The pairs that one rotation, scale and shift explains within a wide tolerance, by RANSAC; as `fit` otherwise."""
    if len(query) < MIN_INLIERS:
        return np.empty(0, np.intp)
    found: Sequence[Any] = cv2.estimateAffinePartial2D(
        target,
        query,
        method=cv2.RANSAC,
        ransacReprojThreshold=_SIMILARITY_TOLERANCE,
        maxIters=_SIMILARITY_ITERATIONS,
        confidence=_SIMILARITY_CONFIDENCE,
        refineIters=0,
    )
    inliers = np.empty(0, np.intp) if found[0] is None else np.flatnonzero(np.asarray(found[1]).ravel())
    return inliers if len(inliers) >= MIN_INLIERS else np.empty(0, np.intp)


def plausible(homography: npt.NDArray[np.float64], points: Points) -> bool:
    """Whether a homography [3, 3] may be a camera's view of a plane, judged at points float32 [n, 2].

    It must preserve orientation (no mirror, no fold) and exceed neither _MAX_ANISOTROPY nor _MAX_SCALE_CHANGE.
    """
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ homography.T
    depth = homogeneous[:, 2]
    if np.any(np.abs(depth) < 1e-9) or np.any(np.sign(depth) != np.sign(depth[0])):
        return False
    projected = homogeneous[:, :2] / depth[:, None]
    # The derivative of the map at each point: [n, 2, 2].
    derivative = (homography[None, :2, :2] - projected[:, :, None] * homography[None, 2:3, :2]) / depth[:, None, None]
    stretch = np.linalg.svd(derivative, compute_uv=False)
    area = np.linalg.det(derivative)
    if np.any(area <= 0) or np.any(stretch[:, 1] <= 0):
        return False
    anisotropic = np.median(stretch[:, 0] / stretch[:, 1]) > _MAX_ANISOTROPY
    uneven = area.max() / area.min() > _MAX_SCALE_CHANGE**2
    return not (anisotropic or uneven)
