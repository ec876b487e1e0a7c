"""Model cards: the facts about a model that are known before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embedding.image.preprocess import Preprocess

Family = Literal["open_clip", "starter", "sscd", "onnx", "compiled", "ensemble"]


@dataclass(frozen=True)
class Figure:
    """One published or measured figure and its source."""

    what: str
    value: float
    source: str


@dataclass(frozen=True)
class Part:
    """One model of an ensemble, by its name, and the length of its vector relative to the others'."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class ModelCard:
    """A model of the registry.

    `weights` says where the weights come from: "hub:OWNER/REPO/FILE", "package:MODULE", "release:URL" for a file that
    is downloaded by hand and imported, "file:FILE" for those that were imported and are only in the model store,
    "compiled:SHA256" for those compiled on this machine, or "parts" for an ensemble, whose `parts` it names.
    `sha256` is that of the weights file; None until the file was fetched, after which the local store records it. An
    ensemble's is a digest of its parts'.
    """

    name: str
    family: Family
    architecture: str
    weights: str
    sha256: str | None
    licence: str
    dimension: int
    preprocess: Preprocess
    text: bool
    quality: tuple[Figure, ...] = ()
    speed: tuple[Figure, ...] = ()
    note: str = ""
    parts: tuple[Part, ...] = ()
