"""Whether a picture shows a face, by CenterFace (Xu et al., arXiv:1911.03599), whichever way up it was taken."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import numpy.typing as npt

from embedding.faces.network import SIDE, network

Image = npt.NDArray[np.uint8]

# A face on its side is seen too, but less surely: from here on the picture is turned, and looked at again.
SUSPECTED = 0.2


class FaceDetector:
    """CenterFace, loaded. Safe from any thread: one picture is looked at after another."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            ModelUnavailable: it is not here, or is not the one that was measured.
        """
        self._network = network()
        self._turn = threading.Lock()

    def surest(self, picture: Image, enough: float = 1.0) -> float:
        """How sure it is that an RGB picture, uint8 [h, w, 3], shows a face, 0 to 1: the surest look of up to four.

        Args:
            enough: once it is as sure as that, it looks no further.
        """
        small = _scaled(picture)
        surest = self._seen(small)
        if surest < SUSPECTED:
            return surest
        for quarters in (1, 2, 3):
            if surest >= enough:
                break
            surest = max(surest, self._seen(np.rot90(small, quarters)))
        return surest

    def _seen(self, small: Image) -> float:
        """The same of a picture that is scaled already, as it lies."""
        square = np.zeros((SIDE, SIDE, 3), np.uint8)
        square[: small.shape[0], : small.shape[1]] = small
        with self._turn:
            return float(self._network(square).max())


def _scaled(picture: Image) -> Image:
    """A picture as large as the network's square.

    Large ones are made small, so that a face of a fortieth of the long side is still found, and small ones large.
    """
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=how), np.uint8)
