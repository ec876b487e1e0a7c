"""From a name, or from "auto", to a loaded encoder. torch is imported only when a model is loaded."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from embedding.encoders import model_store as store
from embedding.encoders import registry, weights
from embedding.encoders.card import ModelCard
from embedding.encoders.ensemble import EnsembleEncoder
from embedding.encoders.openvino.forms import compiled_from
from embedding.encoders.protocol import Encoder
from embedding.encoders.weights.not_fetched import HUB_TIMEOUT_SECONDS, NotFetched
from embedding.errors import ModelUnavailable

# What to install for a family of models, where that is not the extra "clip".
_EXTRAS = {"compiled": "compiled", "onnx": "sscd"}
# The models that `choose` joins with another, the first that is here.
COPY_DETECTORS = (registry.SSCD, registry.SSCD_PACKAGED)


@dataclass(frozen=True)
class Choice:
    """The model that "auto" chose, and a sentence for the user that says why."""

    name: str
    why: str


def load(name: str, device: str | None = None) -> Encoder:
    """Load a model by its name in the registry.

    Args:
        device: "cpu", "cuda", "cuda:1"; None takes CUDA where there is one.

    Raises:
        ModelUnavailable: the name is unknown, or its weights or libraries are missing. Nothing is fetched.
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
        if card.family == "sscd":
            from embedding.encoders.sscd import SscdEncoder

            return SscdEncoder(card, device)
        if card.family == "onnx":
            from embedding.encoders.onnx import OnnxEncoder

            return OnnxEncoder(card)
        if card.family == "ensemble":
            parts = [load(part.name, device) for part in card.parts]
            return EnsembleEncoder(registry.ensemble([part.card for part in parts]), parts)
        from embedding.encoders.clip import OpenClipEncoder

        return OpenClipEncoder(card, device)
    except ImportError as error:
        raise ModelUnavailable(
            f"{card.name} needs libraries that do not load here ({error}): "
            f"pip install 'traceobject[{_EXTRAS.get(card.family, 'clip')}]'"
        ) from error


def preferred(card: ModelCard) -> ModelCard:
    """The card to load for a model: without CUDA that of its compiled form, if that is in the store.

    Of an ensemble, that of every part.
    """
    if card.parts:
        return registry.ensemble([preferred(registry.get(part.name)) for part in card.parts])
    return card if cuda_available() else compiled_from(card) or card


def cuda_available() -> bool:
    """Whether there is a CUDA device, according to the driver, because importing torch takes seconds."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def choose(device: str | None = None, timeout: float = HUB_TIMEOUT_SECONDS) -> tuple[Encoder, Choice]:
    """Take the first that works of: CLIP weights in the store; the default's, fetched; the starter model.

    Where the copy detector SSCD is here too, the two are joined to an ensemble.

    Args:
        timeout: seconds to wait for a hub's answer.

    Raises:
        ModelUnavailable: not even the starter model loads; the message says what was tried.
    """
    failures: list[str] = []
    for card in _stored_clip_cards():
        try:
            return _chosen(card, device, failures, "its weights were already here")
        except ModelUnavailable as error:
            failures.append(str(error))
    default = registry.get(registry.DEFAULT)
    missing = weights.missing_libraries(default)
    if missing:
        failures.append(f"{default.name} cannot run here ({' and '.join(missing)} not installed)")
    elif default.name not in store.names():
        try:
            return _chosen(weights.pull(default, timeout), device, failures, f"fetched from {weights.hub()}")
        except ModelUnavailable as error:
            reason = error.reason if isinstance(error, NotFetched) else str(error)
            failures.append(f"{default.name} could not be fetched: {reason}")
    try:
        starter = registry.get(registry.STARTER)
        return _chosen(starter, device, failures, "the starter model, which knows pictures but no words")
    except ModelUnavailable as error:
        raise ModelUnavailable("no model can be used. " + ". ".join([*failures, str(error)])) from error


def _stored_clip_cards() -> list[ModelCard]:
    """The CLIP models in the store: the default first, then the table's, then imported ones."""
    cards = [card for card in registry.CARDS if card.weights.startswith("hub:")]
    table = [registry.DEFAULT, *(card.name for card in cards if card.name != registry.DEFAULT)]
    stored = store.names()
    names = [*table, *(name for name in stored if name not in table)]
    # A compiled form is not listed by itself: `preferred` finds it by its original.
    return [
        card for card in map(registry.get, (name for name in names if name in stored)) if card.family == "open_clip"
    ]


def _chosen(card: ModelCard, device: str | None, failures: list[str], why: str) -> tuple[Encoder, Choice]:
    """Load the preferred form of a model, joined with the copy detector where that is here.

    Raises:
        ModelUnavailable: the model does not load. A copy detector that does not is left out, and `failures` says so.
    """
    encoder = load_card(preferred(card), device)
    for name in COPY_DETECTORS:
        detector = registry.get(name)
        if weights.status(detector) != "here":
            continue
        try:
            parts = (encoder, load_card(preferred(detector), device))
        except ModelUnavailable as error:
            failures.append(str(error))
            continue
        encoder = EnsembleEncoder(registry.ensemble([part.card for part in parts]), parts)
        why = f"{why}; joined with {name}, a copy detector that is here too"
        break
    return encoder, Choice(encoder.card.name, ". ".join([*failures, f"Took {encoder.card.name}: {why}."]))
