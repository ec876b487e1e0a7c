"""Simulated sanitising, as publishers do it, with the true mask: the ground truth for detecting it."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Method = Literal["black", "white", "blur", "pixelate"]
METHODS: tuple[Method, ...] = get_args(Method)


def conceal(image: Image, region: Region, method: Method, strength: float = 0.12) -> tuple[Image, Mask]:
    """Hide a box of a picture.

    Args:
        image: uint8 [h, w, 3].
        method: "black" and "white" paint the box; "blur" is Gaussian; "pixelate" leaves one colour per block.
        strength: standard deviation of the blur, or side of a block, as a share of the box's short side.

    Returns:
        A copy uint8 [h, w, 3], and bool [h, w], True where something was hidden.
    """
    hidden = image.copy()
    mask = np.zeros(image.shape[:2], bool)
    region.of(mask[..., None].view(np.uint8))[...] = 1
    patch = region.of(hidden)
    height, width = patch.shape[:2]
    reach = max(2.0, strength * min(height, width))
    if method == "black":
        patch[...] = 0
    elif method == "white":
        patch[...] = 255
    elif method == "blur":
        patch[...] = cv2.GaussianBlur(patch, (0, 0), reach)
    else:
        blocks = (max(1, round(width / reach)), max(1, round(height / reach)))
        coarse = cv2.resize(patch, blocks, interpolation=cv2.INTER_AREA)
        patch[...] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return hidden, mask


def random_box(rng: np.random.Generator, share: float = 1 / 3) -> Region:
    """A box of a share of the picture's area, somewhere in it, between a flat and an upright one."""
    aspect = float(np.exp(rng.uniform(-0.7, 0.7)))
    width, height = min(1.0, (share * aspect) ** 0.5), min(1.0, (share / aspect) ** 0.5)
    width, height = max(width, share / height), max(height, share / width)
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return Region(float(x), float(y), float(min(1, x + width)), float(min(1, y + height)))
