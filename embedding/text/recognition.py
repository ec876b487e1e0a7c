"""What lines of text say: each cut out, straightened, turned the right way up, and recognised by PP-OCR's networks.

Method: connectionist temporal classification, decoded greedily (Graves et al., "Connectionist temporal classification",
2006): the most probable character of each step; equal neighbours are one, and blanks are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino import inference
from embedding.text.detection import TextBox, network_input
from embedding.text.networks import Networks

Image = npt.NDArray[np.uint8]

_HEIGHT = 48  # pixels that a line is scaled to
# Pixels: narrower lines are padded to this, longer ones squeezed into that; widths in between are multiples of it.
_MIN_WIDTH, _MAX_WIDTH, _WIDTH_STEP = 96, 1536, 96
_BATCH_WIDTH = 768  # pixels of all lines of one run together
# The shape that the direction's classifier takes. Where its probability that a line is upside down lies between these
# two, and what was read has less than this confidence, the line is read the other way round, too.
_DIRECTION_SHAPE = (48, 192)
_SURE_UPRIGHT, _SURE_UPSIDE_DOWN = 0.02, 0.98
_MIN_CERTAIN = 0.9
_ON_ITS_SIDE = 1.5  # a box this much higher than wide is a line on its side


@dataclass(frozen=True)
class RecognisedLine:
    """A line's words, its confidence, and its corners float32 [4, 2] in pixels from where the words begin."""

    words: str
    confidence: float
    corners: npt.NDArray[np.float32]


def recognise(picture: Image, boxes: Sequence[TextBox], networks: Networks) -> list[RecognisedLine]:
    """Read the boxes of a picture uint8 [h, w, 3], in their order."""
    if not boxes:
        return []
    corners = [np.roll(box.corners, _quarters(box), axis=0) for box in boxes]
    lines = [_straightened(picture, each) for each in corners]
    upside_down = _upside_down(lines, networks)
    for place in np.flatnonzero(upside_down > 0.5).tolist():
        corners[place], lines[place] = np.roll(corners[place], 2, axis=0), _turned(lines[place])
    read = _read(lines, networks)
    unsure = (upside_down > _SURE_UPRIGHT) & (upside_down < _SURE_UPSIDE_DOWN)
    doubtful = [place for place, (_, confidence) in enumerate(read) if confidence < _MIN_CERTAIN and unsure[place]]
    for place, other in zip(doubtful, _read([_turned(lines[place]) for place in doubtful], networks), strict=True):
        if other[1] > read[place][1]:
            corners[place], read[place] = np.roll(corners[place], 2, axis=0), other
    return [RecognisedLine(words, sure, each) for (words, sure), each in zip(read, corners, strict=True)]


def _quarters(box: TextBox) -> int:
    """By how many places corners are shifted so that the first edge runs along the line."""
    return 1 if box.height >= _ON_ITS_SIDE * box.width else 0


def _straightened(picture: Image, corners: npt.NDArray[np.float32]) -> Image:
    """A line cut out of a picture, _HEIGHT pixels high."""
    wide = float(np.linalg.norm(corners[1] - corners[0]))
    high = max(1.0, float(np.linalg.norm(corners[3] - corners[0])))
    width = int(np.clip(math.ceil(_HEIGHT * wide / high), 8, _MAX_WIDTH))
    # A line that is scaled down is smoothed first, as the warp below takes single pixels.
    if (shrink := high / _HEIGHT) > 2:
        left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
        part = np.ascontiguousarray(picture[top:bottom, left:right])
        size = max(1, round(part.shape[1] / shrink)), max(1, round(part.shape[0] / shrink))
        corners = (corners - [left, top]) * (np.array(size) / np.array(part.shape[1::-1]))
        picture = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    target = np.array([[0, 0], [width, 0], [width, _HEIGHT], [0, _HEIGHT]], np.float32)
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    cut = cv2.warpPerspective(picture, warp, (width, _HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _turned(line: Image) -> Image:
    return np.ascontiguousarray(line[::-1, ::-1])


def _upside_down(lines: Sequence[Image], networks: Networks) -> npt.NDArray[np.float32]:
    """The probability that each line is upside down, float32 [n]."""
    high, wide = _DIRECTION_SHAPE
    batch = np.full((len(lines), high, wide, 3), 127, np.uint8)
    for place, line in enumerate(lines):
        width = min(line.shape[1], wide)
        batch[place, :, :width] = cv2.resize(line, (width, high)) if line.shape[1] > wide else line
    request = networks.direction.create_infer_request()
    request.infer([network_input(batch)])
    (probabilities,) = inference.outputs(request)
    return np.asarray(probabilities[:, 1], np.float32)


def _read(lines: Sequence[Image], networks: Networks) -> list[tuple[str, float]]:
    """The words of lines uint8 [_HEIGHT, w, 3], and the mean confidence of their characters."""
    read: list[tuple[str, float]] = [("", 0.0)] * len(lines)
    widths = [_padded(line.shape[1]) for line in lines]
    order = sorted(range(len(lines)), key=lambda place: widths[place])
    request = networks.recognition.create_infer_request()
    while order:
        width = widths[order[0]]
        same = [place for place in order[: max(1, _BATCH_WIDTH // width)] if widths[place] == width]
        order = order[len(same) :]
        batch = np.full((len(same), _HEIGHT, width, 3), 127, np.uint8)
        for row, place in enumerate(same):
            batch[row, :, : lines[place].shape[1]] = lines[place]
        request.infer([network_input(batch)])
        confidences, classes = inference.outputs(request)
        for row, place in enumerate(same):
            read[place] = _decoded(classes[row, :, 0], confidences[row, :, 0], networks.alphabet)
    return read


def _padded(width: int) -> int:
    return min(_MAX_WIDTH, max(_MIN_WIDTH, math.ceil(width / _WIDTH_STEP) * _WIDTH_STEP))


def _decoded(
    classes: npt.NDArray[np.int32], confidences: npt.NDArray[np.float32], alphabet: Sequence[str]
) -> tuple[str, float]:
    """The characters of the classes [t] of one line, and the mean of their confidences."""
    is_character = classes != 0
    is_character[1:] &= classes[1:] != classes[:-1]
    words = "".join(alphabet[index] for index in classes[is_character].tolist())
    return words, float(confidences[is_character].mean()) if is_character.any() else 0.0
