"""Model cards: the facts about a model that are known before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embedding.image.preprocess import Preprocess

Family = Literal["open_clip", "starter", "compiled"]


@dataclass(frozen=True)
class Figure:
    """One published or measured figure and its source."""

    what: str
    value: float
    source: str


@dataclass(frozen=True)
class ModelCard:
    """A model of the registry.

    `weights` says where the weights come from: "hub:OWNER/REPO/FILE", "package:MODULE", "file:FILE" for those that
    were imported and are only in the model store, or "compiled:SHA256" for those compiled on this machine.
    `sha256` is that of the weights file; None until the file was fetched, after which the local store records it.
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
