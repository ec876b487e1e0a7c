"""A4 pages on which paragraphs are written one below the other."""

from __future__ import annotations

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from service.rendering.fonts import WIDE, WIDE_BOLD, has_wide

MARGIN = 16.0


class PdfSheet(FPDF):
    """A4 pages in a font for the letters of most languages, where it is installed. Lengths are in millimetres."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, MARGIN + 6)
        self._wide = has_wide()
        if self._wide:
            self.add_font("wide", "", WIDE)
            self.add_font("wide", "B", WIDE_BOLD)

    def write_in(
        self, size: float, text: str, *, bold: bool = False, quiet: bool = False, left: float = 0.0, whole: bool = True
    ) -> None:
        """A paragraph, `left` millimetres in from the margin; without `whole` a line may break within a word."""
        self.set_font("wide" if self._wide else "helvetica", "B" if bold else "", size)
        self.set_text_color(*((90, 96, 104) if quiet else (20, 26, 34)))
        self.set_x(MARGIN + left)
        shown = text if self._wide else text.encode("cp1252", "replace").decode("cp1252")
        wrap = WrapMode.WORD if whole else WrapMode.CHAR
        self.multi_cell(0, size * 0.48, shown, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L", wrapmode=wrap)
