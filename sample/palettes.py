"""Colourways: six colours that go together, with a name a catalogue would print."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sample.pixels import Pixels

Colour = tuple[int, int, int]
"""sRGB, 0..255."""


def colour(code: str) -> Colour:
    """'#rrggbb' -> sRGB."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


@dataclass(frozen=True)
class Colourway:
    """`ground` is the base, `dark` the deepest tone, the inks go from the leading colour to the accent."""

    name: str
    ground: Colour
    dark: Colour
    inks: tuple[Colour, Colour, Colour, Colour]

    def turned(self, steps: int) -> Colourway:
        """The same colours with the inks in another order."""
        a, b, c, d = (self.inks[(steps + k) % 4] for k in range(4))
        return replace(self, inks=(a, b, c, d))

    @property
    def paper(self) -> Colour:
        """The palest base there is: the ground, or the leading ink where the ground is dark."""
        return self.ground if sum(self.ground) > 500 else self.inks[0]

    @property
    def lead(self) -> Colour:
        """The colour that stands for the whole: the leading ink, or the second where the ground is dark."""
        return self.inks[0] if sum(self.ground) > 500 else self.inks[1]

    @property
    def on_paper(self) -> Colourway:
        """The colourway for figures drawn on `paper`: none of its inks vanishes there."""
        if sum(self.ground) > 500:
            return self
        return Colourway(self.name, self.paper, self.dark, (self.ground, self.inks[1], self.inks[2], self.inks[3]))


def _way(name: str, ground: str, dark: str, *inks: str) -> Colourway:
    a, b, c, d = (colour(i) for i in inks)
    return Colourway(name, colour(ground), colour(dark), (a, b, c, d))


COLOURWAYS: dict[str, Colourway] = {
    way.name: way
    for way in (
        _way("sage", "#eef0e4", "#33443a", "#7f9a80", "#b9c7a5", "#d8a48f", "#5c7564"),
        _way("ink blue", "#f4f1e8", "#16264a", "#2b4c8c", "#7d9cc9", "#e0b04c", "#4b6ea8"),
        _way("terracotta", "#f6ece0", "#5b2a1c", "#c4623f", "#e3a57e", "#5d7a68", "#eac48a"),
        _way("mustard", "#f9f1da", "#4a3a1a", "#d9a32b", "#efce7a", "#7a8b63", "#b4612f"),
        _way("blush", "#fbeeea", "#6a3440", "#dd8c92", "#f2c0bb", "#8ea58a", "#b9566a"),
        _way("teal", "#eaf3f0", "#0f3b42", "#1f7a80", "#84bdb8", "#f09a6a", "#2f9c95"),
        _way("plum", "#f3ecf1", "#3b1d3a", "#7d3f73", "#bb90b5", "#e2b36a", "#a25590"),
        _way("charcoal", "#efedea", "#26282c", "#4c5158", "#9aa0a5", "#c9764f", "#6e757c"),
        _way("midnight", "#17223b", "#0c1322", "#e9dcc0", "#c8963e", "#d5705a", "#6f8bb4"),
        _way("forest", "#1f3a30", "#11231c", "#dfe3c6", "#7ea86f", "#e0a44a", "#b8563e"),
        _way("burgundy", "#5a1a2b", "#350c17", "#ecd9c6", "#c88a6a", "#dba74c", "#9c3b4d"),
        _way("coral", "#fff3ec", "#5a2b33", "#f2705d", "#fbb59b", "#3f8f8d", "#f6c65b"),
        _way("lemon", "#fdf8dc", "#4b4a22", "#f0cf3c", "#f8e48c", "#6f9a52", "#e9873f"),
        _way("denim", "#dfe6ec", "#1f2f45", "#3f6088", "#8fabc7", "#f3ede1", "#c6533f"),
        _way("olive", "#eeebd8", "#2f3118", "#7b7c37", "#b7b377", "#c5673c", "#565a2a"),
        _way("lilac", "#f4f0fa", "#433763", "#9a83c6", "#cdbfe6", "#8fb996", "#f0a8b4"),
        _way("mint", "#edf8f2", "#1e4a40", "#67b79a", "#b3dfcc", "#f38d83", "#3f8d78"),
        _way("sand", "#f3e9d8", "#54432f", "#b99a70", "#dcc6a2", "#7f8f87", "#8d6a44"),
        _way("cherry", "#fdf4ee", "#4f0f1a", "#c3242f", "#ec7f78", "#2f6b4a", "#f1b2a2"),
        _way("sky", "#eef6fb", "#1f3f5f", "#5aa3d4", "#a9d2ec", "#f6c54e", "#e86f5a"),
        _way("black and white", "#f7f6f2", "#141414", "#1d1d1d", "#6d6d6d", "#b9b9b6", "#3c3c3c"),
        _way("petrol", "#123c46", "#08242b", "#f0e6d2", "#e79a5b", "#6fb0ac", "#d6cf8f"),
        _way("rust", "#8c3b1f", "#4d1c0c", "#f3dfc0", "#e9a35a", "#f0c87e", "#3d5a55"),
        _way("candy", "#fff1f6", "#5b2a55", "#f06a9b", "#7cc7e8", "#ffd25e", "#8ed08a"),
        _way("delft", "#fbfaf5", "#1b2f6b", "#2f4fa8", "#7f9ad6", "#b8c8ec", "#22397f"),
        _way("emerald", "#f2f4ea", "#0d3b2a", "#14805a", "#73b98f", "#e7b23f", "#c8475a"),
    )
}


def blend(first: Colour, second: Colour, amount: float) -> Colour:
    """first at amount 0, second at amount 1."""
    a, b, c = (round(x + (y - x) * amount) for x, y in zip(first, second, strict=True))
    return a, b, c


def plain(tone: Colour, size: int = 8) -> Pixels:
    """A one-coloured texture, [size, size, 3]."""
    return np.full((size, size, 3), tone, np.uint8)
