"""The input that every encoder takes, whatever it runs on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedding.encoders.card import ModelCard

Images = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


def check_images(images: Images, card: ModelCard) -> None:
    """Check that images are a batch of this model's input.

    Raises:
        ValueError: the shape is not [n, size, size, 3], or the type neither uint8 nor float32.
    """
    size = card.preprocess.size
    if images.ndim != 4 or images.shape[1:] != (size, size, 3) or images.dtype not in (np.uint8, np.float32):
        raise ValueError(
            f"{card.name} takes uint8 or float32 images [n, {size}, {size}, 3] as preprocess.prepare makes them, "
            f"not {images.dtype} {list(images.shape)}"
        )


def as_bytes(images: Images, card: ModelCard) -> npt.NDArray[np.uint8]:
    """The same batch for networks that take bytes: floats 0..1 are rounded to uint8. Raises as check_images does."""
    check_images(images, card)
    return np.asarray(images if images.dtype == np.uint8 else np.rint(images * 255), np.uint8)
