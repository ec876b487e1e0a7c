"""Object and background of a studio picture: the background is the one colour of the picture's border."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_BORDER_TOLERANCE = 8.0  # levels within which border pixels count as one colour
_MIN_PLAIN_BORDER = 0.5  # share of border pixels of one colour
_MIN_OBJECT_SHARE = 0.01  # of the picture: with less, no object was found


def plain_border(image: Image) -> tuple[Floats, float]:
    """The median colour [3] of the outermost pixels of a picture [h, w, 3], and the share of them that has it."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).astype(np.float32)
    colour = np.median(border, axis=0).astype(np.float32)
    return colour, float((np.abs(border - colour).max(axis=1) <= _BORDER_TOLERANCE).mean())


def foreground(image: Image) -> Floats:
    """How much each pixel belongs to the object, float32 [h, w] in 0..1: what is not the border's one colour.

    All ones where the border is not of one colour: then the object is taken to fill the picture.
    """
    colour, share = plain_border(image)
    if share < _MIN_PLAIN_BORDER:
        return np.ones(image.shape[:2], np.float32)
    background = (np.abs(image.astype(np.float32) - colour).max(axis=2) <= _BORDER_TOLERANCE).astype(np.uint8)
    # Only what is connected to the border is background: a white label in the middle of the object is not.
    framed = cv2.copyMakeBorder(background, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(framed, connectivity=4)
    solid = (labels[1:-1, 1:-1] != labels[0, 0]).astype(np.float32)
    if solid.mean() < _MIN_OBJECT_SHARE:
        return np.ones(image.shape[:2], np.float32)
    softened: Floats = np.asarray(cv2.GaussianBlur(solid, (0, 0), 0.8), np.float32)
    return softened
