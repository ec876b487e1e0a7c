"""The model store: a folder for each model, with its files and card.json, whose presence marks it as complete."""

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
    """Whether this is a valid name of a model: a word of letters, digits and ._-, or OWNER/WORD."""
    return _NAME.fullmatch(name) is not None


def folder(name: str) -> Path:
    """The folder of a model of this name, whether or not it exists. A name's / becomes -- on disk."""
    return root() / name.replace("/", "--")


def recorded(name: str) -> ModelCard | None:
    """The stored card of a model that is completely in the store; None where it is not.

    Raises:
        ModelUnavailable: the stored card cannot be read.
    """
    card = _read(folder(name) / CARD) if is_name(name) else None
    return card if card and card.name == name else None


def names() -> list[str]:
    """The names of the models that are completely in the store, sorted, without any whose card is damaged."""
    found = []
    for path in root().glob(f"*/{CARD}"):
        with contextlib.suppress(ModelUnavailable):
            card = _read(path)
            found += [card.name] if card else []
    return sorted(found)


def record(card: ModelCard) -> None:
    """Mark a model's files as complete: write its card.json, atomically. The card must have its `sha256`."""
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
    preprocess = fields["preprocess"]
    fields["preprocess"] = Preprocess(
        **{**preprocess, "mean": tuple(preprocess["mean"]), "std": tuple(preprocess["std"])}
    )
    for key in ("quality", "speed"):
        fields[key] = tuple(Figure(**figure) for figure in fields[key])
    # A stored card is never an ensemble's, whose parts are stored instead; JSON gives its empty tuple as a list.
    return ModelCard(**{**fields, "parts": ()})
