"""Whether a picture shows a face, by CenterFace (Xu et al., arXiv:1911.03599), in any orientation."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import numpy.typing as npt

from embedding.faces.network import SIDE, network

Image = npt.NDArray[np.uint8]

# A face on its side is found with a low confidence: from here on the picture is examined in its other rotations, too.
MIN_SUSPICION = 0.2


class FaceDetector:
    """CenterFace, loaded. Thread-safe: pictures are examined one after another."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            ModelUnavailable: it is missing, or is not the one that was measured.
        """
        self._network = network()
        self._lock = threading.Lock()

    def confidence(self, picture: Image, sufficient: float = 1.0) -> float:
        """The confidence that an RGB picture, uint8 [h, w, 3], shows a face, 0 to 1: the highest of its rotations.

        Args:
            sufficient: once this confidence is reached, no further rotation is examined.
        """
        scaled = _scaled(picture)
        highest = self._as_it_is(scaled)
        if highest < MIN_SUSPICION:
            return highest
        for quarters in (1, 2, 3):
            if highest >= sufficient:
                break
            highest = max(highest, self._as_it_is(np.rot90(scaled, quarters)))
        return highest

    def _as_it_is(self, scaled: Image) -> float:
        """The confidence for a scaled picture in this one orientation."""
        square = np.zeros((SIDE, SIDE, 3), np.uint8)
        square[: scaled.shape[0], : scaled.shape[1]] = scaled
        with self._lock:
            return float(self._network(square).max())


def _scaled(picture: Image) -> Image:
    """A picture scaled to fit the network's square, up or down.

    A face of a fortieth of the long side is still found then.
    """
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=interpolation), np.uint8)
