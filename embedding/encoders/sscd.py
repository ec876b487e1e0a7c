"""SSCD in torch: a copy detector, made to stand beside a model that knows kinds of things."""

from __future__ import annotations

from safetensors.torch import load_file

from embedding.encoders.card import ModelCard
from embedding.encoders.sscd_network import tower_of
from embedding.encoders.torch_tower import TorchTowerEncoder
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable


class SscdEncoder(TorchTowerEncoder):
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
        super().__init__(card, tower, device)
