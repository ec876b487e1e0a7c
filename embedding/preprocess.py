"""Any picture -> the square a model wants. One implementation for every encoder, free of torch.

The steps are those of open_clip's image_transform_v2 (Pillow's antialiased resize, then crop or pad), so that
vectors made here equal those of open_clip's own transform; a test holds them together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedding.encoders.card import Preprocess

_FILTER = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def prepare(image: npt.NDArray[np.uint8], how: Preprocess) -> npt.NDArray[np.uint8]:
    """Scale, then crop or pad, one upright RGB image.

    Args:
        image: uint8 [h, w, 3].

    Returns:
        uint8 [size, size, 3]; the mean and the deviation are the encoder's business.
    """
    height, width = image.shape[:2]
    size = how.size
    if how.fit == "squash":
        return _resize(image, size, size, how)
    if how.fit == "shortest":
        # torchvision's Resize truncates the long side; rounding would shift the centre crop by a pixel.
        scaled = _resize(image, max(size, size * width // height), max(size, size * height // width), how)
        return _centre(scaled, size)
    longest = max(height, width)
    scaled = _resize(image, max(1, round(width * size / longest)), max(1, round(height * size / longest)), how)
    square = np.full((size, size, 3), how.fill, np.uint8)
    top, left = (size - scaled.shape[0]) // 2, (size - scaled.shape[1]) // 2
    square[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return square


def _resize(image: npt.NDArray[np.uint8], width: int, height: int, how: Preprocess) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    picture = Image.fromarray(image).resize((width, height), _FILTER[how.interpolation], reducing_gap=None)
    return np.asarray(picture)


def _centre(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    top, left = round((image.shape[0] - size) / 2.0), round((image.shape[1] - size) / 2.0)
    return image[top : top + size, left : left + size]
