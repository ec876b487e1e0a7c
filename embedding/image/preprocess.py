"""Any picture -> the square a model wants. One implementation for every encoder, free of torch.

The steps are those of open_clip's image_transform_v2 (Pillow's antialiased resize, then crop or pad), so that
vectors made here equal those of open_clip's own transform; tests hold them together, to the last bit for sides up to
16 : 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Fit = Literal["shortest", "longest", "squash"]

_FILTER = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_SUPPORT = {"bicubic": 2, "bilinear": 1}
# Above this aspect ratio a picture is cropped before it is scaled: the result differs by at most one level.
_MAX_SCALED_ASPECT = 16


@dataclass(frozen=True)
class Preprocess:
    """How any picture becomes the model's input. Fields mean what open_clip's PreprocessCfg says.

    `fit`: "shortest" scales the short side to `size` and cuts the centre; "longest" scales the long side and
    pads with `fill` (a letterbox); "squash" ignores the aspect ratio.
    """

    size: int
    fit: Fit
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    fill: int = 255


def prepare(image: npt.NDArray[np.uint8], config: Preprocess) -> npt.NDArray[np.uint8]:
    """Scale, then crop or pad, one upright RGB image.

    Args:
        image: uint8 [h, w, 3].

    Returns:
        uint8 [size, size, 3]; the encoder itself applies the mean and the standard deviation.
    """
    height, width = image.shape[:2]
    size = config.size
    if config.fit == "squash":
        return _resize(image, size, size, config)
    if config.fit == "shortest":
        return _shortest(image, config)
    # The arithmetic of open_clip's ResizeKeepRatio, step by step: another order rounds some sizes differently.
    ratio = max(height / size, width / size)
    scaled = _resize(image, max(1, round(width / ratio)), max(1, round(height / ratio)), config)
    square = np.full((size, size, 3), config.fill, np.uint8)
    top, left = (size - scaled.shape[0]) // 2, (size - scaled.shape[1]) // 2
    square[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return square


def _shortest(image: npt.NDArray[np.uint8], config: Preprocess) -> npt.NDArray[np.uint8]:
    """The short side to `size`, and the middle of the long side."""
    height, width = image.shape[:2]
    size = config.size
    # torchvision's Resize truncates the long side; rounding would shift the centre crop by a pixel.
    across, down = max(size, size * width // height), max(size, size * height // width)
    left, top = round((across - size) / 2.0), round((down - size) / 2.0)
    if max(across, down) <= _MAX_SCALED_ASPECT * size:
        return _resize(image, across, down, config)[top : top + size, left : left + size]
    # Scaling a very long picture whole would take millions of pixels: only what the crop shows is scaled.
    columns, x0, x1 = _source_span(width, across, left, config)
    rows, y0, y1 = _source_span(height, down, top, config)
    part = Image.fromarray(image[rows, columns])
    kernel = _FILTER[config.interpolation]
    # Values are rounded between the passes, so their order matters: Pillow 13 scales the rows of a tall picture first.
    if height > width and size < width:
        part = part.resize((part.width, size), kernel, box=(0, y0, part.width, y1))
        return np.asarray(part.resize((size, size), kernel, box=(x0, 0, x1, size)))
    part = part.resize((size, part.height), kernel, box=(x0, 0, x1, part.height))
    return np.asarray(part.resize((size, size), kernel, box=(0, y0, size, y1)))


def _source_span(length: int, scaled: int, start: int, config: Preprocess) -> tuple[slice, float, float]:
    """The pixels under a crop of `size` that begins at `start` of the scaled side, and where the crop lies in them."""
    step = length / scaled
    begin, end = start * step, (start + config.size) * step
    reach = math.ceil(_SUPPORT[config.interpolation] * max(1.0, step)) + 1
    first, last = max(0, math.floor(begin) - reach), min(length, math.ceil(end) + reach)
    return slice(first, last), begin - first, min(end, length) - first


def _resize(image: npt.NDArray[np.uint8], width: int, height: int, config: Preprocess) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), _FILTER[config.interpolation]))
