"""Countries as feeds write them, by their ISO 3166 codes; names in several languages are known from CLDR."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

# Languages in which feeds name countries.
_LANGUAGES = ("en", "fr", "de", "nl", "es", "it", "pt", "pl", "cs", "sv", "da", "nb", "fi", "ja", "zh")
_OTHER_NAMES = MappingProxyType({"uk": "GB", "usa": "US", "uae": "AE", "england": "GB", "holland": "NL", "korea": "KR"})


def country_code(name: str) -> str:
    """The ISO 3166 code of a country; a name that is none is given back as it is, without blanks around it."""
    key = _key(name)
    return _codes().get(key) or _OTHER_NAMES.get(key) or name.strip()


def country_name(code: str, language: str) -> str:
    """A country's name in a language; what is no code is a name already."""
    return _territories(language).get(code, code)


@cache
def countries_of_language(language: str) -> tuple[str, ...]:
    """The countries in which a language, by its ISO 639-1 code, is official, by CLDR."""
    from babel.languages import get_official_languages

    return tuple(code for code in sorted(_territories("en")) if language in get_official_languages(code, de_facto=True))


@cache
def _codes() -> Mapping[str, str]:
    codes: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in _territories(language).items():
            codes.setdefault(_key(name), code)
            codes[code.casefold()] = code
    return codes


@cache
def _territories(language: str) -> Mapping[str, str]:
    """CLDR's territories that are countries: two letters, without the groups of countries that have such codes."""
    from babel import Locale

    names = Locale(language).territories
    return {code: name for code, name in names.items() if len(code) == 2 and code not in ("EU", "EZ", "UN", "ZZ", "QO")}


def _key(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())
