"""Encoders that are one image tower in torch; they can be compiled."""

from __future__ import annotations

import torch

from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images
from embedding.encoders.pictures_only import PicturesOnly
from embedding.encoders.protocol import Vectors
from embedding.encoders.tensors import encode, pick_device

# Convolutions wait for memory, and the maps of so few images fit into a processor's cache: with 4 at once an image of
# the starter model takes 0.6 of the time that it takes with 32.
_CPU_BATCH = 4


class TorchTowerEncoder(PicturesOnly):
    """A tower from normalised float32 [n, 3, size, size] to features [n, d]. Satisfies the Encoder protocol."""

    def __init__(self, card: ModelCard, tower: torch.nn.Module, device: str | None) -> None:
        super().__init__(card)
        self._device = pick_device(device)
        self._tower = tower.eval().to(self._device).to(memory_format=torch.channels_last)

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images."""
        return encode(images, self._card, self._device, self._tower, _CPU_BATCH)

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
