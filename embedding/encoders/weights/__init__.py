"""The weights of every model: which are in the store, and how to fetch or import the others. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Literal

from embedding.encoders import model_store as store
from embedding.encoders import registry
from embedding.encoders.card import ModelCard
from embedding.encoders.weights.importing import import_file
from embedding.encoders.weights.locate import locate, verified
from embedding.encoders.weights.pull import hub, pull

__all__ = ["Status", "hub", "import_file", "inventory", "locate", "missing_libraries", "pull", "status", "verified"]

Status = Literal["here", "can be pulled", "can be imported", "package missing"]
_LIBRARIES = {
    "open_clip": ("torch", "open_clip"),
    "starter": ("torch", "timm"),
    "sscd": ("torch", "torchvision"),
    "onnx": ("onnxruntime",),
    "compiled": ("openvino",),
}


def inventory() -> Iterator[tuple[ModelCard, Status]]:
    """Every card of the table, then every imported model, with whether it can be used now."""
    table = [card.name for card in registry.CARDS]
    for name in [*table, *(name for name in store.names() if name not in table)]:
        card = registry.get(name)
        yield card, status(card)


def status(card: ModelCard) -> Status:
    """Whether a model can be used now; neither its weights' checksum nor the network is checked."""
    if missing_libraries(card):
        return "package missing"
    if card.parts:
        states = [status(registry.get(part.name)) for part in card.parts]
        return next((state for state in states if state != "here"), "here")
    if locate(card):
        return "here"
    if card.weights.startswith("release:"):
        return "can be imported"
    return "can be pulled" if card.weights.startswith("hub:") else "package missing"


def missing_libraries(card: ModelCard) -> list[str]:
    """The Python packages that a model's family runs on and that are not installed."""
    if card.parts:
        return [library for part in card.parts for library in missing_libraries(registry.get(part.name))]
    return [library for library in _LIBRARIES[card.family] if find_spec(library) is None]
