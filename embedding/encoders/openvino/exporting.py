"""A model loaded in torch -> OpenVINO networks: bytes of pictures, or tokens of words, in; features out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch

from embedding.encoders.openvino import inference
from embedding.encoders.protocol import Encoder
from embedding.encoders.tokens import Tokenizer
from embedding.image.preprocess import Preprocess

# What an image network may be reshaped to take at a time.
MOST = 64


@runtime_checkable
class Towers(Encoder, Protocol):
    """An encoder on torch that can be taken apart."""

    @property
    def image_tower(self) -> torch.nn.Module:
        """Normalised float32 [n, 3, size, size] -> features [n, d]."""
        ...

    @property
    def text_tower(self) -> torch.nn.Module | None:
        """Tokens int64 [n, length] -> features [n, d]; None without a text side."""
        ...

    @property
    def tokenizer(self) -> Any:
        """open_clip's tokenizer; None without a text side."""
        ...


def image_network(encoder: Towers) -> Any:
    """The image tower as an OpenVINO model: uint8 [1, size, size, 3] -> float32 [1, d]; normalising is part of it.

    It can be reshaped to take up to MOST pictures at a time.
    """
    how = encoder.card.preprocess
    # Two in the example: of one, torch would take the number for a constant.
    several = torch.zeros(2, 3, how.size, how.size)
    network = _converted(encoder.image_tower, several, {0: torch.export.Dim("pictures", min=1, max=MOST)})
    return _taking_bytes(network, how)


def text_network(encoder: Towers, tokenizer: Tokenizer) -> Any:
    """The text tower as an OpenVINO model: int64 [1, length] -> float32 [1, d]; None without a text side."""
    tower = encoder.text_tower
    return None if tower is None else _converted(tower, torch.from_numpy(tokenizer(["a mug"])))


def _taking_bytes(network: Any, how: Preprocess) -> Any:
    openvino = inference.openvino()
    prepost = openvino.preprocess.PrePostProcessor(network)
    prepost.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    prepost.input().model().set_layout(openvino.Layout("NCHW"))
    steps = prepost.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.mean([255 * value for value in how.mean]).scale([255 * value for value in how.std])
    return prepost.build()


def _converted(tower: torch.nn.Module, example: torch.Tensor, free: dict[int, Any] | None = None) -> Any:
    """A tower as an OpenVINO model that takes one; `free`: the axes whose length may be another, by number."""
    with torch.inference_mode(), _plain_attention():
        exported = torch.export.export(tower.cpu().eval(), (example,), dynamic_shapes=(free,) if free else None)
        network = inference.openvino().convert_model(exported)
    network.reshape([1, *example.shape[1:]])
    return network


@contextmanager
def _plain_attention() -> Iterator[None]:
    """torch's fused attention is one opaque step, which no other runtime knows: here it is spelled out."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
