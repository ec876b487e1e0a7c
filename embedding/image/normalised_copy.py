"""The copy of a picture in the image store: bounded in size, without metadata, always in the same format."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image


def normalised_copy(image: npt.NDArray[np.uint8], long_side: int = 1024, quality: int = 90) -> bytes:
    """Encode an upright picture as a JPEG in sRGB with no metadata at all: no EXIF, location, date, comment or profile.

    Args:
        image: uint8 [h, w, 3], sRGB, as embedding.image.decode makes it.
        long_side: pixels; a larger picture is scaled down to it, a smaller one keeps its size.
        quality: of the JPEG, 1..95.

    Returns:
        The bytes of a baseline JPEG; the same for the same picture under one version of Pillow.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    longest = max(height, width)
    if longest > long_side:
        size = max(1, round(width * long_side / longest)), max(1, round(height * long_side / longest))
        # Box-averaging first, down to three times the size, is several times faster and makes no visible difference.
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
