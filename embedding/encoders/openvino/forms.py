"""The compiled forms of a model: what they are called, and which is here. Nothing is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard

Form = Literal["int8", "fp32"]
# The fastest first: whoever compiled both wants it.
FORMS: tuple[Form, ...] = ("int8", "fp32")


def name_of(card: ModelCard, form: Form) -> str:
    """What a model is called once compiled: a name of its own, for its vectors are its own."""
    return f"{card.name}-{form}"


def source_of(sha256: str) -> str:
    """What the card of a compiled model says in `weights`: the checksum of those that it was compiled from."""
    return f"compiled:{sha256}"


def compiled_from(card: ModelCard) -> ModelCard | None:
    """The compiled form that is in the store of a model with the very weights of this card; None without one."""
    if card.sha256 is None and (kept := store.recorded(card.name)):
        card = replace(card, sha256=kept.sha256)
    for form in FORMS:
        found = store.recorded(name_of(card, form))
        if found and card.sha256 and found.weights == source_of(card.sha256):
            return found
    return None
