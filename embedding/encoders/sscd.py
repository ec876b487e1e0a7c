"""SSCD in torch: a copy detector, made to stand beside a model that knows kinds of things."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from safetensors.torch import load_file

from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images
from embedding.encoders.protocol import Vectors
from embedding.encoders.sscd_network import tower_of
from embedding.encoders.tensors import encode, pick_device
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable, TextUnsupported

_CPU_BATCH = 4


class SscdEncoder:
    """SSCD in torch. Satisfies the Encoder protocol, and can be compiled."""

    def __init__(self, card: ModelCard, device: str | None = None) -> None:
        """Load the network of a card of the sscd family.

        Raises:
            ModelUnavailable: the weights were not imported, or do not fit.
        """
        path, _ = verified(card)
        tower = tower_of(card.dimension)
        try:
            tower.load_state_dict(load_file(path))
        except RuntimeError as error:
            raise ModelUnavailable(f"{path} does not fit {card.name} ({error}): import its file again") from error
        self._card = card
        self._device = pick_device(device)
        self._tower = tower.eval().to(self._device).to(memory_format=torch.channels_last)

    @property
    def card(self) -> ModelCard:
        """The model's card, with the SHA-256 of its weights."""
        return self._card

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images."""
        return encode(images, self._card, self._device, self._tower, _CPU_BATCH)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Always raises TextUnsupported."""
        del texts
        raise TextUnsupported(f"{self._card.name} cannot search by words: it has no text side; search by picture")

    @property
    def image_tower(self) -> torch.nn.Module:
        """Normalised float32 [n, 3, size, size] -> features [n, d]."""
        return self._tower

    @property
    def text_tower(self) -> None:
        """There is none."""

    @property
    def tokenizer(self) -> None:
        """There is none."""
