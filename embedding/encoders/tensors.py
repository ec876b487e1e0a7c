"""Between numpy and torch: what every encoder that runs on torch does before and after its network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images, check_images
from embedding.encoders.protocol import Vectors
from embedding.errors import ModelUnavailable

CPU_BATCH = 32


def pick_device(name: str | None) -> torch.device:
    """The device to run on: the one named, else the first CUDA device, else the CPU.

    Raises:
        ModelUnavailable: torch knows no such device, or it is not on this machine.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelUnavailable(f"device {name!r} cannot be used: {reason}; use cpu, or leave it out") from error
    return device


def batch_size(device: torch.device, on_cpu: int = CPU_BATCH) -> int:
    """How many images or texts go through a network at once on this device; `on_cpu` where that is no CUDA device."""
    return 128 if device.type == "cuda" else on_cpu


def precision(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which a network runs in half precision on CUDA, whose cores support it, and in single elsewhere."""
    return torch.autocast("cuda", dtype=torch.float16) if device.type == "cuda" else nullcontext()


@torch.inference_mode()
def encode(
    images: Images,
    card: ModelCard,
    device: torch.device,
    network: Callable[[torch.Tensor], torch.Tensor],
    cpu_batch: int = CPU_BATCH,
) -> Vectors:
    """Run a network over images in batches: float32 [n, d] of unit rows.

    Args:
        images: uint8 0..255 or float32 0..1, [n, size, size, 3].
        network: normalised float32 [b, 3, size, size] in channels_last on `device` -> features [b, d].
        cpu_batch: how many images go through it at once where `device` is no CUDA device.
    """
    check_images(images, card)
    rows = []
    for batch in _batches(images, card, device, batch_size(device, cpu_batch)):
        with precision(device):
            features = network(batch)
        rows.append(unit(features))
    return np.concatenate(rows) if rows else np.empty((0, card.dimension), np.float32)


def unit(features: torch.Tensor) -> Vectors:
    """Features [n, d] of any precision -> float32 [n, d] on the CPU, rows of length 1."""
    return np.asarray(torch.nn.functional.normalize(features.float(), dim=-1).cpu().numpy(), np.float32)


def _batches(images: Images, card: ModelCard, device: torch.device, step: int) -> Iterator[torch.Tensor]:
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    mean = torch.tensor(card.preprocess.mean, device=device) * scale
    std = torch.tensor(card.preprocess.std, device=device) * scale
    for start in range(0, len(images), step):
        # Bytes are copied to the device and converted and normalised there. The copy also straightens negative strides.
        pixels = torch.from_numpy(np.array(images[start : start + step], order="C")).to(device)
        # [n, h, w, 3] viewed as [n, 3, h, w] is channels_last without a copy.
        yield ((pixels.float() - mean) / std).permute(0, 3, 1, 2)
