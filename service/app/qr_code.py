"""QR codes of addresses (ISO/IEC 18004), by segno. Level M: a seventh of a code may be lost."""

from __future__ import annotations

import io

import segno

_LEVEL = "m"
# Light modules around a code that the standard requires.
_QUIET_ZONE = 4
# Pixels of a module in PNG: enough to print a code as large as a hand.
_SCALE = 12


def png_code(address: str) -> bytes:
    """A code as PNG, black on white.

    Raises:
        segno.DataOverflowError: the address has more than some two thousand characters.
    """
    return _saved(address, "png")


def svg_code(address: str) -> bytes:
    """A code as SVG. Raises as `png_code` does."""
    return _saved(address, "svg")


def _saved(address: str, kind: str) -> bytes:
    file = io.BytesIO()
    segno.make_qr(address, error=_LEVEL).save(file, kind=kind, scale=_SCALE, border=_QUIET_ZONE, light="white")
    return file.getvalue()
