"""A model loaded in torch -> OpenVINO networks: from bytes of pictures, or tokens of texts, to features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch

from embedding.encoders.openvino import inference
from embedding.encoders.protocol import Encoder
from embedding.encoders.tokens import Tokenizer
from embedding.image.preprocess import Preprocess

# The largest batch that an image network can be reshaped to.
MAX_BATCH = 64


@runtime_checkable
class Towers(Encoder, Protocol):
    """An encoder on torch whose image and text networks can be exported."""

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
    """The image tower as an OpenVINO model: uint8 [1, size, size, 3] -> float32 [1, d], normalisation included.

    It can be reshaped to batches of up to MAX_BATCH pictures.
    """
    preprocess = encoder.card.preprocess
    # An example of two, because torch would take a batch size of one for a constant.
    example = torch.zeros(2, 3, preprocess.size, preprocess.size)
    network = _convert(encoder.image_tower, example, {0: torch.export.Dim("pictures", min=1, max=MAX_BATCH)})
    return _with_byte_input(network, preprocess)


def text_network(encoder: Towers, tokenizer: Tokenizer) -> Any:
    """The text tower as an OpenVINO model: int64 [1, length] -> float32 [1, d]; None without a text side."""
    tower = encoder.text_tower
    return None if tower is None else _convert(tower, torch.from_numpy(tokenizer(["a mug"])))


def _with_byte_input(network: Any, preprocess: Preprocess) -> Any:
    openvino = inference.openvino()
    prepost = openvino.preprocess.PrePostProcessor(network)
    prepost.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    prepost.input().model().set_layout(openvino.Layout("NCHW"))
    steps = prepost.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.mean([255 * value for value in preprocess.mean]).scale([255 * value for value in preprocess.std])
    return prepost.build()


def _convert(tower: torch.nn.Module, example: torch.Tensor, dynamic_axes: dict[int, Any] | None = None) -> Any:
    """A tower as an OpenVINO model of batch size one; `dynamic_axes`: the axes of variable length, by number."""
    with torch.inference_mode(), _unfused_attention():
        exported = torch.export.export(
            tower.cpu().eval(), (example,), dynamic_shapes=(dynamic_axes,) if dynamic_axes else None
        )
        network = inference.openvino().convert_model(exported)
    network.reshape([1, *example.shape[1:]])
    return network


@contextmanager
def _unfused_attention() -> Iterator[None]:
    """Export attention as plain operations: torch's fused attention is one operation that no other runtime has."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
