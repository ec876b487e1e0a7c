"""From a name, or from "auto", to a loaded encoder. torch is imported only when a model is loaded."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from embedding.encoders import model_store as store
from embedding.encoders import registry, weights
from embedding.encoders.card import ModelCard
from embedding.encoders.openvino.forms import compiled_from
from embedding.encoders.protocol import Encoder
from embedding.encoders.weights.not_fetched import GIVE_UP_SECONDS, NotFetched
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
        if card.family == "compiled":
            if device not in (None, "cpu"):
                raise ModelUnavailable(f"{card.name} runs on the CPU only, not on {device}: leave the device out")
            from embedding.encoders.openvino.compiled import CompiledEncoder

            return CompiledEncoder(card)
        if card.family == "starter":
            from embedding.encoders.starter import StarterEncoder

            return StarterEncoder(card, device)
        from embedding.encoders.clip import OpenClipEncoder

        return OpenClipEncoder(card, device)
    except ImportError as error:
        raise ModelUnavailable(
            f"{card.name} needs libraries that do not load here ({error}): "
            f"pip install 'traceobject[{'compiled' if card.family == 'compiled' else 'clip'}]'"
        ) from error


def preferred(card: ModelCard) -> ModelCard:
    """The card to use for a model that is wanted: without CUDA its compiled form, if that is in the store."""
    return card if cuda_here() else compiled_from(card) or card


def cuda_here() -> bool:
    """Whether there is a CUDA device; the driver is asked, for torch takes seconds to import."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def choose(device: str | None = None, give_up: float = GIVE_UP_SECONDS) -> tuple[Encoder, Choice]:
    """Take the first that works of: CLIP weights already here; the default's, fetched; the starter model.

    Args:
        give_up: seconds after which a hub that does not answer is given up.

    Raises:
        ModelUnavailable: not even the starter model loads; the message says what was tried.
    """
    tried: list[str] = []
    for card in _clip_cards_here():
        try:
            return _took(load_card(preferred(card), device), tried, "its weights were already here")
        except ModelUnavailable as error:
            tried.append(str(error))
    default = registry.get(registry.DEFAULT)
    missing = weights.missing_libraries(default)
    if missing:
        tried.append(f"{default.name} cannot run here ({' and '.join(missing)} not installed)")
    elif default.name not in store.names():
        try:
            return _took(load_card(weights.pull(default, give_up), device), tried, f"fetched from {weights.hub()}")
        except ModelUnavailable as error:
            reason = error.reason if isinstance(error, NotFetched) else str(error)
            tried.append(f"{default.name} could not be fetched: {reason}")
    try:
        starter = preferred(registry.get(registry.STARTER))
        return _took(load_card(starter, device), tried, "the starter model, which knows pictures but no words")
    except ModelUnavailable as error:
        raise ModelUnavailable("no model can be used. " + ". ".join([*tried, str(error)])) from error


def _clip_cards_here() -> list[ModelCard]:
    """The CLIP models in the store: the default first, then the table's, then imported ones."""
    cards = [card for card in registry.CARDS if card.weights.startswith("hub:")]
    table = [registry.DEFAULT, *(card.name for card in cards if card.name != registry.DEFAULT)]
    here = store.names()
    found = [registry.get(name) for name in [*table, *(name for name in here if name not in table)] if name in here]
    # A compiled form comes in by its original, and only where that machine has it.
    return [card for card in found if card.family != "compiled"]


def _took(encoder: Encoder, tried: list[str], why: str) -> tuple[Encoder, Choice]:
    return encoder, Choice(encoder.card.name, ". ".join([*tried, f"Took {encoder.card.name}: {why}."]))
