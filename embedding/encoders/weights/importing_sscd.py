"""SSCD's released weights are imported: the tensors of a .pt file, stored as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embedding.encoders import model_store as store
from embedding.encoders import registry
from embedding.encoders.card import ModelCard
from embedding.encoders.weights import checkpoint
from embedding.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch


def import_sscd(path: Path, sha256: str | None = None) -> ModelCard:
    """Check SSCD's file, .torchvision.pt or safetensors, and store its tensors.

    Args:
        sha256: the file's expected checksum, in hexadecimal; None accepts any that fits.

    Raises:
        ModelUnavailable: it is another file, cannot be read, or another one is stored already.
    """
    card = registry.get(registry.SSCD)
    if sha256 and path.is_file() and (digest := store.digest(path)) != sha256.lower():
        raise ModelUnavailable(f"{path} is not the file expected: its SHA-256 is {digest}, not {sha256.lower()}")
    tensors = _read(path)
    try:
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        from embedding.encoders.sscd_network import tower_of
    except ImportError as error:
        raise ModelUnavailable(
            f"importing {card.name} needs torch and torchvision, which do not load ({error}): "
            "pip install 'traceobject[clip]'"
        ) from error
    with torch.device("meta"):
        expected = {name: tuple(tensor.shape) for name, tensor in tower_of(card.dimension).state_dict().items()}
    if reason := checkpoint.misfit({name: tuple(tensor.shape) for name, tensor in tensors.items()}, expected):
        raise ModelUnavailable(f"{path} is not {card.name}: {reason}; download {card.weights.partition(':')[2]}")
    folder = store.folder(card.name)
    part = folder / f"{store.WEIGHTS}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part)
        found = store.digest(part)
        stored = store.recorded(card.name)
        if stored and stored.sha256 != found:
            part.unlink()
            raise ModelUnavailable(f"the store already has another {card.name}: delete {folder} to replace it")
        part.replace(folder / store.WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelUnavailable(
            f"{path} cannot be stored in {folder}: {getattr(error, 'strerror', None) or error}"
        ) from error
    card = replace(card, sha256=found)
    store.record(card)
    return card


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a file: torch's loader is limited to tensors (weights_only), so no code of a pickle runs."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        import torch

        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # torch raises many kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(
            f"{path} does not hold weights alone ({reason}): give the file whose name ends in .torchvision.pt"
        ) from error
    if not isinstance(tensors, dict) or not all(hasattr(tensor, "shape") for tensor in tensors.values()):
        raise ModelUnavailable(f"{path} does not hold tensors: give the file whose name ends in .torchvision.pt")
    return tensors
