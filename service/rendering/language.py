"""The messages of the pages in English and French, one catalogue for each language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from fastapi import Request

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
COOKIE = "language"
PARAMETER = "lang"
CATALOGUES = Path(__file__).parents[1] / "locale"


@dataclass(frozen=True)
class Words:
    """The messages of one language, with {placeholders}; values are inserted as they are, never as templates."""

    language: Language
    messages: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The message of a key.

        Raises:
            KeyError: there is none, or it names a value that is not given.
        """
        return self.messages[key].format(**values)

    def count(self, key: str, number: int) -> str:
        """A message with a number in it, from the key's `.one` or `.many`; French says zero in the singular."""
        single = number == 1 or (number == 0 and self.language == "fr")
        return self(f"{key}.{'one' if single else 'many'}", n=number)

    @property
    def other(self) -> Language:
        """The language to offer instead."""
        return "fr" if self.language == "en" else "en"


@cache
def words_in(language: Language) -> Words:
    """The catalogue of a language."""
    return Words(language, json.loads((CATALOGUES / f"{language}.json").read_text(encoding="utf-8")))


def language_of(request: Request) -> Language:
    """The language of the URL's parameter, else of the cookie, else of the browser's settings, else English."""
    for value in (request.query_params.get(PARAMETER), request.cookies.get(COOKIE)):
        if chosen := _known(value or ""):
            return chosen
    return _preferred(request.headers.get("accept-language", "")) or "en"


def _known(text: str) -> Language | None:
    return next((language for language in LANGUAGES if text == language), None)


def _preferred(header: str) -> Language | None:
    """The best available language of an Accept-Language header (RFC 9110); items with an invalid weight are ignored."""
    ranked: list[tuple[float, int, Language]] = []
    for place, item in enumerate(header.split(",")[:20]):
        name, _, parameter = item.strip().partition(";")
        language = _known(name.strip().lower().partition("-")[0])
        weight = _weight(parameter)
        if language and weight > 0:
            ranked.append((-weight, place, language))
    return min(ranked)[2] if ranked else None


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
