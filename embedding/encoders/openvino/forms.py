"""The compiled forms of a model: their names, and which is in the store. Nothing is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard

Form = Literal["int8", "fp32"]
# The fastest first: it is used where both are in the store.
FORMS: tuple[Form, ...] = ("int8", "fp32")
# Of a catalogue, to calibrate and compare: fewer say too little.
MIN_PICTURES = 40


def name_of(card: ModelCard, form: Form) -> str:
    """The name of a compiled model: another than the original's, because its vectors differ."""
    return f"{card.name}-{form}"


def source_of(sha256: str) -> str:
    """The field `weights` in the card of a compiled model: the checksum of the weights that it was compiled from."""
    return f"compiled:{sha256}"


def compiled_from(card: ModelCard) -> ModelCard | None:
    """The compiled form in the store that was made from the weights of this card; None without one."""
    if card.sha256 is None and (stored := store.recorded(card.name)):
        card = replace(card, sha256=stored.sha256)
    for form in FORMS:
        found = store.recorded(name_of(card, form))
        if found and card.sha256 and found.weights == source_of(card.sha256):
            return found
    return None
