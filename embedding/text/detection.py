"""Where text is in a picture: boxes around lines, by PP-OCR's detector.

Method: differentiable binarisation (Liao et al., "Real-time scene text detection with differentiable binarization",
2020, https://arxiv.org/abs/1911.08947): the network gives each pixel's probability to be in the core of a line; each
connected part becomes a rectangle, enlarged to the whole line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino import inference

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Pixels: the long side that a picture is scaled to, and by how much a small picture is enlarged at most.
SIDE = 736
MAX_ENLARGEMENT = 3.0
_MULTIPLE = 32
_MIN_PROBABILITY = 0.3  # of a pixel
_MIN_CONFIDENCE = 0.5  # the mean of a line's pixels
_ENLARGEMENT = 1.6  # by so many times area / perimeter on each side
_MIN_HEIGHT = 3  # pixels of the network's map, before enlargement: less is a trace, too small to be read
_MIN_TRACE = 1


@dataclass(frozen=True)
class TextBox:
    """A rectangle around a line: float32 [4, 2] in pixels, clockwise from its upper left.

    `is_trace`: text seems to be there, too small to be read in a picture of this size.
    """

    corners: Floats
    is_trace: bool = False

    @property
    def width(self) -> float:
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def height(self) -> float:
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))


def detect(picture: Image, network: Any, most: int) -> list[TextBox]:
    """The boxes of a picture uint8 [h, w, 3], RGB, largest first, `most` at most."""
    height, width = picture.shape[:2]
    scale = min(SIDE / max(height, width), MAX_ENLARGEMENT)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(np.ascontiguousarray(picture), (wide, high), interpolation=interpolation)
    canvas = np.full((_rounded_up(high), _rounded_up(wide), 3), 127, np.uint8)
    canvas[:high, :wide] = scaled
    request = network.create_infer_request()
    request.infer([network_input(canvas[None])])
    (probability,) = inference.outputs(request)
    boxes = _boxes(np.ascontiguousarray(probability[0, 0, :high, :wide]), most)
    to_picture = np.array([width / wide, height / high], np.float32)
    return [TextBox(box.corners * to_picture, box.is_trace) for box in boxes]


def network_input(pictures: Image) -> Floats:
    """RGB pictures uint8 [n, h, w, 3] as PP-OCR's networks take them: float32 [n, 3, h, w], BGR, -1 to 1."""
    swapped = pictures[..., ::-1].transpose(0, 3, 1, 2)
    return np.ascontiguousarray(swapped, np.float32) / np.float32(127.5) - np.float32(1)


def _boxes(probability: Floats, most: int) -> list[TextBox]:
    """The rectangles of a map float32 [h, w], largest first."""
    likely = cv2.dilate((probability > _MIN_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(likely, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest_first = sorted(contours, key=cv2.contourArea, reverse=True)
    found: list[TextBox] = []
    for contour in largest_first:
        if len(found) == most:
            break
        centre, (wide, high), angle = cv2.minAreaRect(contour)
        if min(wide, high) < _MIN_TRACE:
            continue
        core = np.asarray(cv2.boxPoints((centre, (wide, high), angle)), np.float32)
        is_trace = min(wide, high) < _MIN_HEIGHT
        if not is_trace and _mean_within(probability, core) < _MIN_CONFIDENCE:
            continue
        distance = _ENLARGEMENT * wide * high / (wide + high)
        whole = cv2.boxPoints((centre, (wide + distance, high + distance), angle))
        found.append(TextBox(_upright_first(np.asarray(whole, np.float32)), is_trace))
    return found


def _mean_within(probability: Floats, corners: Floats) -> float:
    """The mean of a map within a rectangle."""
    high, wide = probability.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [wide - 1, high - 1])
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, [wide - 1, high - 1])
    within = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(within, [(corners - [left, top]).astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], within)[0])


def _upright_first(corners: Floats) -> Floats:
    """The corners of a rectangle, clockwise, from the one that is its upper left when it is turned by 45° at most."""
    edges = np.roll(corners, -1, axis=0) - corners
    # The first edge should point to the right.
    start = int(np.argmax(edges[:, 0] / np.maximum(np.linalg.norm(edges, axis=1), 1e-6)))
    return np.roll(corners, -start, axis=0)


def _rounded_up(length: int) -> int:
    return math.ceil(length / _MULTIPLE) * _MULTIPLE
