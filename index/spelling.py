"""One spelling for one text: letters with accents may be written composed (NFC) or decomposed (NFD)."""

from __future__ import annotations

import unicodedata


def composed(text: str) -> str:
    """A text with its letters composed: the form in which identifiers and names are kept and compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """A text as Unicode's compatibility caseless match compares it (The Unicode Standard, D146), decomposed."""
    plain = unicodedata.normalize("NFD", text)
    for _ in range(2):  # the letters of a compatibility character, such as 𝔸 or ℠, are folded in their turn
        plain = unicodedata.normalize("NFKD", plain.casefold())
    return plain


def spellings(text: str) -> tuple[str, ...]:
    """A text as it is written, composed and decomposed, each once: what older versions may have kept of it."""
    if text.isascii():
        return (text,)
    return tuple(dict.fromkeys((text, composed(text), unicodedata.normalize("NFD", text))))
