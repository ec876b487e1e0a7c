"""What encoders without a text side have in common."""

from __future__ import annotations

from collections.abc import Sequence

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Vectors
from embedding.errors import TextUnsupported


class PicturesOnly:
    """An encoder of pictures alone: its card, and the refusal of words."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card

    @property
    def card(self) -> ModelCard:
        """The model's card, with the SHA-256 of its weights."""
        return self._card

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Always raises TextUnsupported."""
        del texts
        raise TextUnsupported(
            f"{self._card.name} cannot search by words: it has no text side; "
            "search by picture, or move the workspace to a CLIP model"
        )
