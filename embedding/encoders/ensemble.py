"""An ensemble: encoders whose unit vectors are weighted and joined into one, so that each sees what the others miss.

The cosine of two joined vectors is the weighted mean of the parts' cosines, with the squares of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images, check_images
from embedding.encoders.protocol import Encoder, Vectors
from embedding.errors import TextUnsupported
from embedding.image.preprocess import Preprocess, prepare


class EnsembleEncoder:
    """An encoder of encoders. Satisfies the Encoder protocol."""

    def __init__(self, card: ModelCard, parts: Sequence[Encoder]) -> None:
        """Join the loaded encoders of a card's parts, in the card's order."""
        self._card, self._parts = card, tuple(parts)
        lengths = np.array([part.weight for part in card.parts], np.float32)
        self._weights = lengths / np.linalg.norm(lengths)

    @property
    def card(self) -> ModelCard:
        """The ensemble's card; `sha256` covers the weights of every part."""
        return self._card

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images. A part of a smaller input size is given the same squares, scaled down."""
        check_images(images, self._card)
        rows = [part.encode_images(_scaled(images, part.card.preprocess)) for part in self._parts]
        return self._joined(rows)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode_texts. Parts without a text side add zeros, which change no order."""
        if not self._card.text:
            raise TextUnsupported(
                f"{self._card.name} cannot search by words: none of its parts has a text side; search by picture"
            )
        rows = [
            part.encode_texts(texts) if part.card.text else np.zeros((len(texts), part.card.dimension), np.float32)
            for part in self._parts
        ]
        return self._joined(rows)

    def _joined(self, rows: Sequence[Vectors]) -> Vectors:
        joined = np.hstack([weight * part for weight, part in zip(self._weights, rows, strict=True)])
        return np.asarray(joined / np.linalg.norm(joined, axis=1, keepdims=True), np.float32)


def _scaled(images: Images, config: Preprocess) -> Images:
    """Square pictures [n, s, s, 3] at the size of a model, in bytes unless they have that size already."""
    if images.shape[1] == config.size:
        return images
    if images.dtype != np.uint8:
        images = np.rint(images * 255).astype(np.uint8)
    empty = np.empty((0, config.size, config.size, 3), np.uint8)
    return np.stack([prepare(image, config) for image in images]) if len(images) else empty
