"""What was read off a picture, as bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from embedding.text.reading import Code, LanguageGuess, Reading, TextLine


def to_bytes(reading: Reading) -> bytes:
    """A reading as JSON in UTF-8; the same bytes for equal readings."""
    return json.dumps(asdict(reading), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def from_bytes(data: bytes) -> Reading:
    """The inverse of `to_bytes`."""
    raw = json.loads(data)
    return Reading(
        tuple(TextLine(each["words"], each["confidence"], _corners(each["corners"])) for each in raw["lines"]),
        tuple(Code(each["kind"], each["content"], _corners(each["corners"])) for each in raw["codes"]),
        None if raw["language"] is None else LanguageGuess(**raw["language"]),
    )


def _corners(points: Sequence[Sequence[float]]) -> Any:
    return tuple((x, y) for x, y in points)
