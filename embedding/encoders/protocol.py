"""The Encoder protocol: pixels (and text, where the model has a text side) to unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from embedding.encoders.card import ModelCard

Vectors = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@runtime_checkable
class Encoder(Protocol):
    """A loaded model. Every implementation passes tests/contract/test_encoder_contract.py."""

    @property
    def card(self) -> ModelCard:
        """The model's card; `card.sha256` is set, so that vectors can be stored under it."""
        ...

    def encode_images(self, images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> Vectors:
        """Embed prepared images.

        Args:
            images: uint8 0..255 or float32 0..1, [n, size, size, 3] RGB, as `preprocess.prepare`
                makes them; n may be 0.

        Returns:
            float32 [n, card.dimension], rows of length 1. The same image gives the same row in any batch, up to 1e-5.

        Raises:
            ValueError: another shape or type, which is a bug in the caller.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32 [n, card.dimension], unit rows.

        Raises:
            TextUnsupported: the model has no text side.
        """
        ...
