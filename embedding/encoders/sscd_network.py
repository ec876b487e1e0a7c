"""The network of SSCD, a copy detector: it tells whether two pictures show the very same thing.

It is torchvision's ResNet-50 with generalised-mean pooling (Radenovic et al., "Fine-tuning CNN image retrieval", 2018)
and a linear layer to 512 numbers, as in github.com/facebookresearch/sscd-copy-detection (Pizzi et al., CVPR 2022).
"""

from __future__ import annotations

from typing import Any

import torch
from torchvision.models.resnet import resnet50

_POOL_POWER = 3.0
_POOL_FLOOR = 1e-6


class _GemPool(torch.nn.Module):
    """The generalised mean over a map: between its average and its maximum."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        powers = maps.clamp(min=_POOL_FLOOR).pow(_POOL_POWER)
        return powers.mean((2, 3), keepdim=True).pow(1.0 / _POOL_POWER)


class _Tower(torch.nn.Module):
    """The network under the names that the released weights have; its rows are not yet of length 1."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.backbone.register_module("avgpool", _GemPool())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.backbone(pixels)
        return features


def tower_of(dimension: int) -> torch.nn.Module:
    """The network with untrained weights: normalised float32 [n, 3, h, w] -> features [n, dimension]."""
    return _Tower(resnet50(weights=None, num_classes=dimension))
