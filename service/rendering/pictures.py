"""Pictures inlined into a page as data: URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Longest side of an inlined picture by default, in pixels.
INLINE_SIDE = 420


def data_uri(picture: NDArray[np.uint8], side: int = INLINE_SIDE) -> str:
    """An RGB picture [h, w, 3] as a JPEG data address, its long side reduced to `side` pixels."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=84)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
