"""Which encoding a text is in, found by its bytes: Unicode by its form, code pages by the letters that they give."""

from __future__ import annotations

import codecs
import math
import re
from functools import cache, lru_cache

from charset_normalizer import from_bytes

_WESTERN = (
    "éèàêçôâîùûïëœ",  # French
    "üäöß",  # German
    "óíáéñúü",  # Spanish
    "ãçáéíóõêâúàô",  # Portuguese
    "àèìòùé",  # Italian
    "äöåé",  # Swedish, Finnish
    "åøæé",  # Danish, Norwegian
    "éëïöèüä",  # Dutch
    "íáéðóþýöúæ",  # Icelandic
    "éáíóúàèòïüç",  # Catalan, Irish
)
_CENTRAL = (
    "íáěéřýčžšůúóňťď",  # Czech
    "áíýéčžšúľťôňäóďĺŕ",  # Slovak
    "ąłęóżśćńź",  # Polish
    "áéőíóöüúű",  # Hungarian
    "čšžćđ",  # Croatian, Slovene, Serbian, Bosnian
    "ăâîşţ",  # Romanian
)
_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
# Python's codec, how rare it is (as a log-likelihood), and the letters outside ASCII that its languages use, of each
# language the most frequent first.
_CODE_PAGES: dict[str, tuple[float, tuple[str, ...]]] = {
    "cp1252": (0.0, _WESTERN),
    "cp1250": (-1.0, _CENTRAL),
    "cp1251": (
        -1.0,
        (
            _RUSSIAN,
            "аоиетнрсвлкдпмзягбучцжйхщшъфюь",  # Bulgarian, Macedonian, Serbian
            "оаинвіерткслудмпяьгзбчйїхщшцюєжґф",  # Ukrainian, Belarusian
        ),
    ),
    "cp1253": (-1.0, ("αοιετσνρπκμλυηςωίάόέήύδγφχβθώζξψϊϋ",)),  # Greek
    "cp1254": (-1.5, ("ıişçğüöâ",)),  # Turkish
    "cp1255": (-1.5, ("יוהלאתרשבמדנחעקפגטסזכםןצךץף",)),  # Hebrew
    "cp1256": (-1.5, ("اليمنوترهعبدسكفةقحجشصخطىضذثأغزظئإآؤء",)),  # Arabic
    "cp1257": (-1.5, ("ėųšžąįūčę", "āīēšūņļžčģķ", "äõüöšž")),  # Lithuanian, Latvian, Estonian
    "iso8859-2": (-2.0, _CENTRAL),
    "koi8-r": (-2.0, (_RUSSIAN,)),
    "cp866": (-3.0, (_RUSSIAN,)),
    "cp852": (-3.0, _CENTRAL),
    "mac_roman": (-3.0, _WESTERN),
}
# Signs in texts of any language: those that may stand before a letter, and the others.
_OPENING = frozenset("«„“”‚‘’–—¿¡·•\xa0")
_SIGNS = _OPENING | frozenset("€£¥©®™°§»…²³½¼¾×÷±µ")
_SIGN, _FOREIGN, _CASE = math.log(0.05), math.log(0.0005), math.log(0.001)
_OUTSIDE = re.compile("[^\x00-\x7f]")
_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f][^\s\x00-\x2f\x3a-\x40]*")
_MULTI_BYTE = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
# A fit below this, on average over the letters, is no language of the table.
_UNLIKELY = math.log(0.012)
_SAMPLE = 65_536
LONE = "traceobject.lone-surrogates"


def _lone_surrogate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(LONE, _lone_surrogate)


def is_encoding(name: str) -> bool:
    """Whether this is the name of a text encoding that Python knows."""
    try:
        # A codec may know bytes alone (zip) or text alone (rot13).
        return isinstance(b"".decode(name), str) and isinstance("".encode(name), bytes)
    except (LookupError, UnicodeError, ValueError):
        return False


@lru_cache(maxsize=16)
def encoding_of(head: bytes, full: int = 0) -> str:
    """The encoding of a text that begins with `head`: "utf-8", "utf-16", "utf-16-le", "utf-16-be", a code page, or
    "ascii" where the head has nothing but ASCII.

    It is UTF-8 where at least as many characters outside ASCII are valid UTF-8 as bytes are not: text in another
    encoding forms valid UTF-8 by accident only now and then.

    Args:
        full: the length from which a head may end in the middle of a character; 0: it never does.
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) >= 4 and head[1] == 0 and head[3] == 0 and head[0] and head[2]:
        return "utf-16-le"
    if len(head) >= 4 and head[0] == 0 and head[2] == 0 and head[1] and head[3]:
        return "utf-16-be"
    if full and len(head) >= full:
        # Less than a character.
        head = head[:-3]
    if head.isascii():
        return "ascii"
    outside = _OUTSIDE.findall(head.decode("utf-8", "surrogateescape"))
    damaged = sum("\ud800" <= one <= "\udfff" for one in outside)
    return "utf-8" if 2 * damaged <= len(outside) else code_page(head)


def code_page(text: bytes) -> str:
    """The most likely code page of a text that is not Unicode.

    Each is judged by how well the letters that it gives fit one language of it. Where none fits, charset-normalizer
    decides between the multi-byte encodings of East Asia.
    """
    sample = text[:_SAMPLE]
    fits = {name: _fit(sample, name) for name in _CODE_PAGES}
    best = max(fits, key=lambda name: fits[name])
    if fits[best] >= _UNLIKELY:
        return best
    found = from_bytes(sample, cp_isolation=list(_MULTI_BYTE)).best()
    return found.encoding if found is not None else "cp1252"


def _fit(sample: bytes, name: str) -> float:
    """The mean log-likelihood of the characters outside ASCII, in the language of a code page that suits them best."""
    prior, languages = _CODE_PAGES[name]
    words = _WORD.findall(sample.decode(name, "replace"))
    triples = [triple for word in words for triple in zip(f" {word}", word, f"{word} "[1:], strict=False)]
    letters = [one.lower() for _, one, _ in triples if one.isalpha() and not one.isascii()]
    # A sign in the middle of a word, or a capital after a small letter, is a letter of another code page.
    signs = sum(
        _SIGN if _is_sign(*triple) else _FOREIGN
        for triple in triples
        if not triple[1].isascii() and not triple[1].isalpha()
    )
    mixed: float = _CASE * sum(one.islower() and after.isupper() for _, one, after in triples)
    if not letters:
        return -math.inf
    count = sum(not one.isascii() for _, one, _ in triples)
    best = max(sum(_likelihoods(language).get(one, _FOREIGN) for one in letters) for language in languages)
    return (best + signs + mixed + prior) / count


def _is_sign(before: str, one: str, after: str) -> bool:
    """Whether a character is a sign in its place: one that opens before a letter, any other after it."""
    if after.isalpha():
        return one in _OPENING and not before.isalpha()
    return one in _SIGNS and after.isascii()


@cache
def _likelihoods(language: str) -> dict[str, float]:
    """How likely each letter of a language is, by Zipf's law over its rank."""
    total = sum(1 / rank for rank in range(1, len(language) + 1))
    return {letter: math.log(1 / rank / total) for rank, letter in enumerate(language, start=1)}
