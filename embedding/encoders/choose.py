"""From a name, or from "auto", to a loaded encoder. torch is imported only when a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from embedding.encoders import registry
from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Encoder
from embedding.errors import ModelUnavailable


@dataclass(frozen=True)
class Choice:
    """Which model "auto" took, and a sentence for the user that says why."""

    name: str
    why: str


def load(name: str, device: str | None = None) -> Encoder:
    """Load a model by its name in the registry.

    Args:
        device: "cpu", "cuda", "cuda:1"; None takes CUDA where there is one.

    Raises:
        ModelUnavailable: the name is unknown, or its weights or libraries are not here. Nothing is fetched.
    """
    return load_card(registry.get(name), device)


def load_card(card: ModelCard, device: str | None = None) -> Encoder:
    """Load the model of a card. Raises ModelUnavailable as `load` does."""
    try:
        if card.family == "starter":
            from embedding.encoders.starter import StarterEncoder

            return StarterEncoder(card, device)
        from embedding.encoders.clip import OpenClipEncoder

        return OpenClipEncoder(card, device)
    except ImportError as error:
        raise ModelUnavailable(
            f"{card.name} needs libraries that do not load here ({error}): pip install 'traceobject[clip]'"
        ) from error


def choose(device: str | None = None) -> tuple[Encoder, Choice]:
    """Take the first that works of: CLIP weights already here; the default's, fetched; the starter model."""
    encoder = load(registry.STARTER, device)
    return encoder, Choice(encoder.card.name, f"took {encoder.card.name}")
