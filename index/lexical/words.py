"""Text as the lexical index sees it: words without case and accents, their trigrams, and numbers of barcodes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b

from index.spelling import folded

# Letters and digits of any script, at most this many in one word.
_WORD = r"[^\W_]+"
MAX_WORD = 40
_GTIN_MARK = "gtin:"
_BITS = 21  # of one code point: three of them fit into 64 bits


def words(text: str) -> Iterator[str]:
    """The words of a text, in its order: "Crème Brûlée 500g" -> creme, brulee, 500g. One letter alone is none."""
    plain = "".join(letter for letter in folded(text) if not unicodedata.combining(letter))
    for found in re.finditer(_WORD, plain):
        word = found.group()[:MAX_WORD]
        if len(word) > 1 or not word.isascii():
            yield word


def gtin_word(gtin: str) -> str:
    """The word that stands for a GTIN, as normal_gtin spells it; no text contains it."""
    return _GTIN_MARK + gtin


def is_exact(word: str) -> bool:
    """Whether a word is found only as it is: a number, a barcode's too, and what is too short to be misread."""
    return len(word) < 3 or word.startswith(_GTIN_MARK) or word.isdigit()


def trigrams(word: str) -> list[int]:
    """The distinct trigrams of a word with its beginning and end marked, as numbers; [] for one found as it is only."""
    if is_exact(word):
        return []
    codes = [0, *map(ord, word), 1]
    return sorted({a << 2 * _BITS | b << _BITS | c for a, b, c in zip(codes, codes[1:], codes[2:], strict=False)})


def fingerprint(word: str) -> int:
    """64 bits of a word's hash: the vocabulary is kept as these."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
