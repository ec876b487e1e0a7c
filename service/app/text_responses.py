"""What was read off pictures, and the words that query and candidate share, as JSON. What is unknown is null."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from embedding.image.regions import Region
from embedding.text.gs1 import registered_with
from embedding.text.reading import Code, Corners, Reading
from index.generations.text import gtin_or_none
from index.search.answer import WordMatch

Points = list[list[float]]
_CORNERS = "Its four corners, x and y in fractions of the query's box, from where the first letter begins."


class LineResponse(BaseModel):
    """A line of text that was read."""

    words: str = Field(examples=["ARLA KO"])
    confidence: float = Field(description="0 to 1.", examples=[0.98])
    corners: Points = Field(description=_CORNERS, examples=[[[0.1, 0.2], [0.4, 0.2], [0.4, 0.3], [0.1, 0.3]]])


class CodeResponse(BaseModel):
    """A barcode or QR code that was read."""

    kind: str = Field(description="EAN-13, EAN-8, UPC-A, Code 128 or QR.", examples=["EAN-13"])
    content: str = Field(examples=["7310865004703"])
    gtin: str | None = Field(description="The number, where it is a GTIN.", examples=["7310865004703"])
    registered_with: str | None = Field(
        description="The GS1 organisation that issued the number's prefix: where a company registered, which tells "
        "neither where the product was made nor where it was sold.",
        examples=["GS1 Sweden"],
    )
    corners: Points = Field(description=_CORNERS, examples=[[[0.1, 0.2], [0.4, 0.2], [0.4, 0.3], [0.1, 0.3]]])


class LanguageResponse(BaseModel):
    """A guess at the language of the text: a clue, no fact."""

    language: str = Field(description="ISO 639-1", examples=["sv"])
    confidence: float = Field(description="0 to 1.", examples=[0.6])


class ReadingResponse(BaseModel):
    """What was read off one query picture."""

    lines: list[LineResponse]
    codes: list[CodeResponse]
    language: LanguageResponse | None


class WordMatchResponse(BaseModel):
    """A word, or a barcode's number, that the query and a candidate share."""

    word: str = Field(description="As the query has it.", examples=["ARLA"])
    found: str = Field(description="As the candidate has it.", examples=["Arla"])
    picture: int | None = Field(description="The query picture, counted from 1; null for words that were given.")
    region_query: str | None = Field(description="Where, in the query's box.", examples=["0.1,0.2,0.4,0.3"])
    region_image: str | None = Field(description="Where, in the candidate's `image`.", examples=["0.2,0.2,0.5,0.3"])
    field: str | None = Field(description="Or the candidate's field, such as title or gtin.", examples=["title"])


def reading_response(reading: Reading) -> ReadingResponse:
    """The response model of a reading."""
    language = reading.language
    return ReadingResponse(
        lines=[
            LineResponse(words=line.words, confidence=line.confidence, corners=_points(line.corners))
            for line in reading.lines
        ],
        codes=[code_response(code) for code in reading.codes],
        language=LanguageResponse(language=language.language, confidence=language.confidence) if language else None,
    )


def code_response(code: Code) -> CodeResponse:
    """The response model of a code."""
    gtin = gtin_or_none(code.content)
    return CodeResponse(
        kind=code.kind,
        content=code.content,
        gtin=gtin,
        registered_with=registered_with(gtin or "") or None,
        corners=_points(code.corners),
    )


def word_responses(found: Sequence[WordMatch]) -> list[WordMatchResponse]:
    """The response models of the words that agree."""
    return [
        WordMatchResponse(
            word=match.word,
            found=match.found,
            picture=None if match.picture is None else match.picture + 1,
            region_query=_box(match.region_query),
            region_image=_box(match.region_image),
            field=match.field or None,
        )
        for match in found
    ]


def _box(region: Region | None) -> str | None:
    return None if region is None else str(region)


def _points(corners: Corners) -> Points:
    return [[x, y] for x, y in corners]
