"""What was read off a picture, and the protocol of whatever reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
# Four points, x and y in fractions of the picture's width and height: where the first letter's top begins, then along
# the line, and back below it.
Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

# A picture has no more lines and codes than this, a line no more characters, whatever the picture shows.
MAX_LINES = 100
MAX_CODES = 20
MAX_CHARACTERS = 200
_MIN_SIDE = 0.0001


@dataclass(frozen=True)
class TextLine:
    """One line of text.

    `words`: as they are written, any script, at most MAX_CHARACTERS. `confidence`: the mean confidence of its
    characters, 0 to 1.
    """

    words: str
    confidence: float
    corners: Corners


@dataclass(frozen=True)
class Code:
    """A barcode or QR code: its kind ("EAN-13", "EAN-8", "UPC-A", "Code 128", "QR"), and what it contains."""

    kind: str
    content: str
    corners: Corners


@dataclass(frozen=True)
class LanguageGuess:
    """The language that some text seems to be in: an ISO 639-1 code, and how confident the guess is, 0 to 1."""

    language: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """What is written in one picture: lines from top to bottom, and codes; and the language it seems to be in."""

    lines: tuple[TextLine, ...] = ()
    codes: tuple[Code, ...] = ()
    language: LanguageGuess | None = None

    def __bool__(self) -> bool:
        return bool(self.lines or self.codes)


class TextReader(Protocol):
    """Reads pictures. Thread-safe.

    `version` names the models and the method: a reading is computed once for each picture and version.
    """

    @property
    def version(self) -> str: ...

    def read(self, picture: Image, hidden: Mask | None = None) -> Reading:
        """Read an upright picture uint8 [h, w, 3].

        Args:
            hidden: bool [h, w], True where the picture was sanitised; what is written there is left out.

        Raises:
            ModelUnavailable: the models cannot be loaded on this machine.
        """
        ...


def bounding_region(corners: Corners) -> Region:
    """The upright box around four corners, within the picture; at least _MIN_SIDE wide and high."""
    (x0, x1), (y0, y1) = (_span([point[axis] for point in corners]) for axis in (0, 1))
    return Region(x0, y0, x1, y1)


def _span(values: list[float]) -> tuple[float, float]:
    low = min(max(0.0, min(values)), 1.0 - _MIN_SIDE)
    return low, min(1.0, max(low + _MIN_SIDE, max(values)))
