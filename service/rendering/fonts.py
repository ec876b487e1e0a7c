"""Fonts for what is drawn: PDF files and pictures."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageFont

# The standard PDF fonts and Pillow's own cover Western European letters only; DejaVu, with many more, is used where it
# is installed.
WIDE = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
WIDE_BOLD = WIDE.with_name("DejaVuSans-Bold.ttf")


def has_wide() -> bool:
    """Whether the wide fonts are installed."""
    return WIDE.exists() and WIDE_BOLD.exists()


def picture_font(size: float, *, bold: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font for text in a picture, `size` pixels high."""
    return ImageFont.truetype(WIDE_BOLD if bold else WIDE, size) if has_wide() else ImageFont.load_default(size)
