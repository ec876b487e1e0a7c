"""Faces in a picture, by CenterFace (Xu et al., arXiv:1911.03599): a face is the point at its middle, and a size.

The way from the network's maps to boxes is written anew here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embedding.face_network import SIDE, STRIDE, Maps, network
from embedding.regions import Region

Image = npt.NDArray[np.uint8]

_OVERLAP = 0.3


@dataclass(frozen=True)
class Face:
    """Where a face is, and how sure that is: 0 to 1."""

    region: Region
    score: float


class FaceDetector:
    """CenterFace, loaded. Safe from any thread: one picture is looked at after another."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            ModelUnavailable: it is not here, or is not the one that was measured.
        """
        self._maps = network()
        self._turn = threading.Lock()

    def find(self, picture: Image, least: float) -> tuple[Face, ...]:
        """The faces of an upright RGB picture, uint8 [h, w, 3], the surest first; those below `least` are left out.

        Larger pictures are made small: a face of a fortieth of the long side is still found.
        """
        height, width = picture.shape[:2]
        scale = SIDE / max(height, width)
        wide, high = max(1, round(scale * width)), max(1, round(scale * height))
        square = np.zeros((SIDE, SIDE, 3), np.uint8)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square[:high, :wide] = cv2.resize(picture, (wide, high), interpolation=how)
        with self._turn:
            maps = self._maps(square)
        return tuple(_faces(maps, wide, high, least))


def _faces(maps: Maps, wide: int, high: int, least: float) -> Iterator[Face]:
    """Maps to faces: each cell that is sure enough tells a box, and of boxes that overlap the surest stays.

    Args:
        wide, high: of the picture in its square, in pixels.
    """
    heat, size, offset = maps
    rows, columns = np.nonzero(heat >= least)
    scores = heat[rows, columns]
    # A size beyond the whole picture is noise; without the bound its exponential overflows.
    tall, broad = np.exp(np.minimum(size[:, rows, columns], np.log(max(heat.shape)))) * STRIDE
    top = (rows + offset[0, rows, columns] + 0.5) * STRIDE - tall / 2
    left = (columns + offset[1, rows, columns] + 0.5) * STRIDE - broad / 2
    boxes = np.stack([left, top, broad, tall], axis=1)
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), least, _OVERLAP)
    for place in np.asarray(kept, int).reshape(-1).tolist():
        x0, x1 = np.clip([left[place], left[place] + broad[place]], 0, wide) / wide
        y0, y1 = np.clip([top[place], top[place] + tall[place]], 0, high) / high
        if x0 < x1 and y0 < y1:
            yield Face(Region(float(x0), float(y0), float(x1), float(y1)), float(scores[place]))
