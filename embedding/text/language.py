"""Which language some text seems to be in, by CLD2 (https://github.com/CLD2Owners/cld2), which knows 83 languages.

A few words of packaging often fit several languages, and brands fit none: the guess is a clue, never a fact.
"""

from __future__ import annotations

from collections.abc import Sequence

from embedding.text.reading import LanguageGuess, TextLine

# Lines that were read worse than this, and words without so many letters, say nothing.
_MIN_CONFIDENCE = 0.8
_MIN_LETTERS = 3
# CLD2's percentage is the share of the text, however little there is of it: from so many letters on it counts in full.
_ENOUGH_LETTERS = 60
# The guess of a language that CLD2 itself calls unreliable.
_UNRELIABLE = 0.4


def guess_language(lines: Sequence[TextLine]) -> LanguageGuess | None:
    """The language of some lines, or None where nothing is known of it."""
    import pycld2

    words = [
        word
        for line in lines
        if line.confidence >= _MIN_CONFIDENCE
        for word in line.words.split()
        if sum(map(str.isalpha, word)) >= _MIN_LETTERS
    ]
    # CLD2 takes text in capitals for an abbreviation, and knows no word of it.
    text = "".join(letter for letter in " ".join(words).lower() if letter.isprintable())
    if not text:
        return None
    try:
        reliable, _, found = pycld2.detect(text, bestEffort=True)
    except pycld2.error:
        # Text that it calls invalid UTF-8, such as unassigned letters.
        return None
    _, language, percent, _ = found[0]
    if language == "un":
        return None
    letters = sum(map(str.isalpha, text))
    confidence = percent / 100 * min(1.0, letters / _ENOUGH_LETTERS) * (1.0 if reliable else _UNRELIABLE)
    return LanguageGuess(language, round(confidence, 2))
