"""What a family of products is: its designs, its shape, how a design covers it and how a studio shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sample.mesh import Shape
from sample.pixels import Mask
from sample.render import Surface

Setting = Literal["table", "soft", "floor", "wall", "spread", "hung"]
"""Where one meets such a thing at home."""


@dataclass(frozen=True)
class Design:
    """One product's looks: a variant of the family's shape, its print or art, its colourway."""

    family: str
    variant: str
    art: str
    way: str

    @property
    def seed(self) -> int:
        """The same art is drawn alike in every colourway and on every variant."""
        return 0


@dataclass(frozen=True)
class View:
    """A studio viewpoint: degrees around and above, and how much of the frame the product fills."""

    yaw: float
    pitch: float
    fill: float = 0.78
    arrangement: str = ""


@dataclass(frozen=True)
class Fur:
    """Pile on a slot: `length` in metres, `density` strokes per picture area, `curl` 0..1."""

    length: float
    density: float
    curl: float


@dataclass(frozen=True)
class Family:
    """`shape(variant, arrangement)` stands on y = 0 and faces +z; `surfaces` covers every slot of it.

    `brand` is given where the product itself shows its brand. `flat` is given for what covers a wall or is spread
    out at home: its texture and the side of one repeat in metres. `flat_out` things lie rather than stand.
    """

    name: str
    category: str
    designs: tuple[Design, ...]
    title: Callable[[Design], str]
    shape: Callable[[str, str], Shape]
    surfaces: Callable[[Design], Mapping[str, Surface]]
    views: tuple[View, ...]
    setting: Setting
    price: tuple[float, float]
    cut: Callable[[str], Mapping[str, Mask]] | None = None
    fur: Mapping[str, Fur] | None = None
    flat: Callable[[Design], tuple[Surface, float]] | None = None
    grounded: bool = True
    flat_out: bool = False
    brand: Callable[[Design], str] | None = None


def combine(family: str, rows: tuple[tuple[str, str, str], ...]) -> tuple[Design, ...]:
    """Designs from rows of variants, arts and colourways, each a list parted by commas: their product, in order."""
    return tuple(
        Design(family, variant.strip(), art.strip(), way.strip())
        for variants, arts, ways in rows
        for art in arts.split(",")
        for variant in variants.split(",")
        for way in ways.split(",")
    )


def repeats(width: float, height: float, tile: float) -> tuple[float, float]:
    """How often a square tile of `tile` metres fits a part of `width` x `height` metres; whole numbers around."""
    return (max(round(width / tile), 1), height / tile)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def wrapped_noise(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 77])
