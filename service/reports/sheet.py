"""The picture sheet: every query beside its first candidates, the right one marked. As a PNG and as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.rendering.environment import environment
from service.reports import sheet_drawing
from service.reports.sheet_drawing import SheetCandidate, SheetHeading, SheetRow

__all__ = ["SheetCandidate", "SheetHeading", "SheetRow", "heading_of", "write_html", "write_png"]


def heading_of(rows: Sequence[SheetRow], title: str) -> SheetHeading:
    """A heading whose figures count these rows: queries, right at first rank, right among those shown."""
    total = len(rows)
    ranks = [row.right_rank for row in rows]
    shown = max((len(row.candidates) for row in rows), default=0)
    first, among = sum(rank == 1 for rank in ranks), sum(rank is not None for rank in ranks)
    figures = [("queries", str(total))]
    if total:
        figures += [
            ("right at rank 1", f"{first} of {total}"),
            (f"right in the first {shown}", f"{among} of {total}"),
        ]
    return SheetHeading(title, tuple(figures))


def write_png(rows: Sequence[SheetRow], path: Path, heading: str | SheetHeading, note: str = "") -> None:
    """Draws the sheet, 1600 px wide, one row a query.

    A heading given as text is followed by `note`, or without one by the figures of `heading_of`.
    """
    sheet_drawing.draw(rows, _told(rows, heading, note)).save(path, "PNG", optimize=True)


def write_html(rows: Sequence[SheetRow], path: Path, heading: str | SheetHeading, note: str = "") -> None:
    """Writes the sheet as one self-contained page: pictures inlined, nothing loaded from elsewhere, no script.

    `heading` and `note` are those of `write_png`.
    """
    page = environment().get_template("sheet.html").render(rows=rows, heading=_told(rows, heading, note))
    path.write_text(page, encoding="utf-8")


def _told(rows: Sequence[SheetRow], heading: str | SheetHeading, note: str) -> SheetHeading:
    if isinstance(heading, SheetHeading):
        return heading
    return SheetHeading(heading, note=note) if note else heading_of(rows, heading)
