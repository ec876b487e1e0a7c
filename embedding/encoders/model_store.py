"""The model store: one folder a model, holding its files and, written last, a card.json that says they are whole."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import platformdirs

from embedding.encoders.card import Figure, ModelCard
from embedding.errors import ModelUnavailable
from embedding.image.preprocess import Preprocess

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"
COMPILED = "compiled.json"
CARD = "card.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?")


def root() -> Path:
    """The store's folder: the variable TRACEOBJECT_MODELS, else traceobject/models in the user's cache."""
    chosen = os.environ.get("TRACEOBJECT_MODELS")
    return (
        Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("traceobject", appauthor=False) / "models"
    )


def is_name(name: str) -> bool:
    """Whether a model can be called this: a plain word, or OWNER/WORD."""
    return _NAME.fullmatch(name) is not None


def folder(name: str) -> Path:
    """Where a model of this name lies, whether or not it is there. A name's / becomes -- on disk."""
    return root() / name.replace("/", "--")


def recorded(name: str) -> ModelCard | None:
    """The card kept with a model that is wholly in the store; None where it is not.

    Raises:
        ModelUnavailable: the kept card cannot be read.
    """
    card = _read(folder(name) / CARD) if is_name(name) else None
    return card if card and card.name == name else None


def names() -> list[str]:
    """The names of the models that are wholly in the store, sorted; one whose card is damaged is not among them."""
    found = []
    for path in root().glob(f"*/{CARD}"):
        with contextlib.suppress(ModelUnavailable):
            card = _read(path)
            found += [card.name] if card else []
    return sorted(found)


def record(card: ModelCard) -> None:
    """Declare a model's files whole: writes its card.json, atomically. The card must have its `sha256`."""
    path = folder(card.name) / CARD
    part = path.with_suffix(".part")
    part.write_text(json.dumps(dataclasses.asdict(card), indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> ModelCard | None:
    if not path.is_file():
        return None
    try:
        return _card(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            f"{path} is damaged ({error}); delete the folder {path.parent} and pull or import that model again"
        ) from error


def _card(fields: dict[str, Any]) -> ModelCard:
    how = fields["preprocess"]
    fields["preprocess"] = Preprocess(**{**how, "mean": tuple(how["mean"]), "std": tuple(how["std"])})
    for key in ("quality", "speed"):
        fields[key] = tuple(Figure(**figure) for figure in fields[key])
    return ModelCard(**fields)
