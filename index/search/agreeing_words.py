"""Which words of a query a candidate carries, and where: the evidence of its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from embedding.image.regions import Region
from embedding.text.reading import Reading, bounding_region
from index.generations.generations import Generation
from index.generations.text import gtin_or_none, gtins
from index.lexical.words import is_exact, trigrams, words
from index.records.entries import Entry
from index.search.answer import Candidate, Query, WordMatch
from index.search.text_evidence import QueryText

# Two words agree from this share of common trigrams on (Dice, 1945).
_MIN_SIMILARITY = 0.5
MAX_MATCHES = 20
# Where a candidate's words come from, besides its picture: fields that people see.
_FIELDS = ("title", "brand", "series", "description", "category", "retailer")


@dataclass(frozen=True)
class _Word:
    """A word with its place: a picture's number and region, or a field."""

    shown: str
    plain: str
    picture: int | None = None
    region: Region | None = None
    field: str = ""


def with_agreeing_words(
    candidates: tuple[Candidate, ...], text: QueryText, query: Query, generation: Generation
) -> tuple[Candidate, ...]:
    """The candidates with the words that each shares with the query in its evidence."""
    if not text.terms:
        return candidates
    images = [candidate.image for candidate in candidates]
    readings = generation.text.readings(images) if generation.text is not None else {}
    written = (query.text, *(query.written or ()))
    return tuple(
        replace(each, evidence=replace(each.evidence, words=found))
        if (found := agreeing_words(text, written, each.entry, readings.get(each.image)))
        else each
        for each in candidates
    )


def agreeing_words(
    text: QueryText, written: Sequence[str], entry: Entry, reading: Reading | None
) -> tuple[WordMatch, ...]:
    """The words that agree, each of the query's once, longest first; MAX_MATCHES at most.

    Args:
        written: what a person wrote: the words searched by, and those that they say are on the object.
        reading: what was read off the candidate's image that is shown.
    """
    carried = [*_of_reading(reading, None)] if reading else []
    for name in _FIELDS:
        carried += [_Word(shown, plain, field=name) for shown, plain in _pairs(getattr(entry.fields, name))]
    numbers = {number: _Word(number, number, field="gtin") for number in entry.fields.several("gtin")}
    found: dict[str, WordMatch] = {}
    asked = [word for number, each in enumerate(text.readings) for word in _of_reading(each, number)]
    asked += [_Word(shown, plain) for line in written for shown, plain in _pairs(line)]
    for word in asked:
        best = max(carried, key=lambda other: _similarity(word.plain, other.plain), default=None)
        if best is not None and _similarity(word.plain, best.plain) >= _MIN_SIMILARITY:
            found.setdefault(
                word.plain, WordMatch(word.shown, best.shown, word.picture, word.region, best.region, best.field)
            )
    for code in (*_codes(text), *(_Word(number, number) for number in text.gtins)):
        other = numbers.get(code.plain) or next((c for c in _codes_of(reading) if c.plain == code.plain), None)
        if other is not None:
            found.setdefault(
                code.plain, WordMatch(code.shown, other.shown, code.picture, code.region, other.region, other.field)
            )
    return tuple(sorted(found.values(), key=lambda match: -len(match.word)))[:MAX_MATCHES]


def _of_reading(reading: Reading, picture: int | None) -> Iterator[_Word]:
    for line in reading.lines:
        region = bounding_region(line.corners)
        for shown, plain in _pairs(line.words):
            yield _Word(shown, plain, picture, region)


def _codes(text: QueryText) -> Iterator[_Word]:
    for number, reading in enumerate(text.readings):
        for word in _codes_of(reading):
            yield _Word(word.shown, word.plain, number, word.region)


def _codes_of(reading: Reading | None) -> Iterator[_Word]:
    for code in reading.codes if reading and gtins(reading) else ():
        if number := gtin_or_none(code.content):
            yield _Word(number, number, region=bounding_region(code.corners))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """The words of a text as they are written and as they are compared."""
    for shown in text.split():
        for plain in words(shown):
            yield shown, plain


def _similarity(one: str, other: str) -> float:
    """The Dice coefficient of two words' trigrams; 1 or 0 for those that must be equal."""
    if one == other:
        return 1.0
    if is_exact(one) or is_exact(other):
        return 0.0
    first, second = set(trigrams(one)), set(trigrams(other))
    return 2 * len(first & second) / (len(first) + len(second))
