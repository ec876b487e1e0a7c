"""GTINs (EAN, UPC): the number under a barcode, in one form that can be compared.

Method: GS1 General Specifications, section 7.9.1: the check digit makes the sum of all digits, weighted 3 and 1 in
turn from the one before the last, a multiple of ten.
"""

from __future__ import annotations

import re

_LENGTHS = (8, 12, 13, 14)
# How shops write it: grouped, as a decimal number from a data frame, behind the quote that keeps a spreadsheet from it.
_MARKS = re.compile(r"^'|[\s\-]+|\.0+$")


def normal_gtin(text: str) -> str:
    """A GTIN of 8, 12, 13 or 14 digits as 8, 13 or 14: without the zeros that only fill it up to another length.

    Raises:
        ValueError: it is none; the message says why.
    """
    digits = _MARKS.sub("", text.strip())
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError("a GTIN has digits only")
    if len(digits) not in _LENGTHS:
        raise ValueError(f"a GTIN has 8, 12, 13 or 14 digits, not {len(digits)}")
    number = digits.lstrip("0")
    if not number:
        raise ValueError("it is all zeros")
    if check_digit(digits[:-1]) != digits[-1]:
        raise ValueError(f"its check digit should be {check_digit(digits[:-1])}")
    return number.zfill(8 if len(number) <= 8 else 13)


def check_digit(digits: str) -> str:
    """The digit that follows `digits`, which are decimal, to make a GTIN."""
    weighted = (int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return str(-sum(weighted) % 10)
