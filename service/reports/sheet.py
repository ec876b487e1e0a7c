"""The picture sheet: each query beside its first candidates, with the right one marked, as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.rendering.environment import environment


@dataclass(frozen=True)
class SheetCandidate:
    """A candidate on the sheet: RGB picture uint8 [h, w, 3], title, score, and whether it is the right one."""

    image: NDArray[np.uint8]
    title: str
    subtitle: str
    score: float
    right: bool


@dataclass(frozen=True)
class SheetRow:
    """A query, RGB uint8 [h, w, 3], with its caption and its candidates, best first."""

    query: NDArray[np.uint8]
    caption: str
    candidates: tuple[SheetCandidate, ...]

    @property
    def right_rank(self) -> int | None:
        """Rank of the right candidate, from 1; None where none of those shown is right."""
        return next((rank for rank, candidate in enumerate(self.candidates, 1) if candidate.right), None)


def write_html(rows: Sequence[SheetRow], path: Path, title: str, note: str = "") -> None:
    """Write the sheet as a self-contained page: pictures inlined, nothing loaded from other sites, no script.

    `note` is a line below the title.
    """
    page = environment().get_template("sheet.html").render(rows=rows, title=title, note=note)
    path.write_text(page, encoding="utf-8")
