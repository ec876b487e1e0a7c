"""Optional fields of products and objects, read leniently: what cannot be used is left empty, and reported."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from index.records.entries import join_values, split_values
from index.records.gtin import normal_gtin
from index.sources.feeds.dates import parse_date
from index.sources.feeds.text import SURROGATE
from index.sources.web_address import web_address
from index.spelling import composed

# Each field: the column names that may hold it, the most specific first, as normal_name() spells them.
MADE_IN = (
    *("made_in", "country_of_origin", "countryoforigin", "countries_of_origin", "origin_country"),
    *("country_of_manufacture", "manufacturing_country", "manufacturing_places"),
)
GTIN = (
    *("gtin", "gtins", "ean", "gtin13", "gtin_13", "ean13", "ean_13", "ean_code", "gtin14", "gtin12", "gtin8"),
    *("barcode", "barcodes", "variant_barcode", "upc", "upc_code", "global_unique_id"),
    "gtin,_upc,_ean,_or_isbn",  # WooCommerce's export
)
VARIANT_GROUP = ("variant_group", "item_group_id", "itemgroupid", "product_group_id", "productgroupid", "group_id")
# Shopify's export calls it "Body (HTML)".
DESCRIPTION = ("description", "long_description", "body_html", "body", "product_description")
LICENCE = ("licence", "license", "licence_url", "license_url")
SOURCE_PAGE = ("source_page", "source_url", "source_link")
QUESTION = ("question", "questions", "what_is_asked")
SEEN_FROM = ("seen_from", "not_seen_before", "seen_not_before", "not_before")
SEEN_UNTIL = ("seen_until", "not_seen_after", "seen_not_after", "not_after")
SERIES = ("series", "case", "case_id", "case_number")
REGION = ("region",)
COLUMNS = frozenset(
    (
        *(*MADE_IN, *GTIN, *VARIANT_GROUP, *DESCRIPTION, *LICENCE, *SOURCE_PAGE),
        *(*QUESTION, *SEEN_FROM, *SEEN_UNTIL, *SERIES, *REGION),
    )
)
# In a cell of these, commas and semicolons separate values; in any other only bars do.
_PLURAL = frozenset((*GTIN, "brands", "countries", "markets", "countries_of_origin", "manufacturing_places"))
WORD_LIMIT = 512
VALUES_LIMIT = 4000
DESCRIPTION_LIMIT = 1000
QUESTION_LIMIT = 4000
# How much of a cell is read as HTML: shops write whole pages into a description.
_HTML_LIMIT = 32_768
_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(r"</?(?:a|b|em|font|i|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?(?:-->|$)|</?[a-zA-Z][^<>]*>", re.DOTALL)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Ends the message of a value that was left out.
LEFT_EMPTY = ": it was left empty"
_NONE = frozenset(("-", "--", "n/a", "na", "#n/a", "none", "null", "nil", "\\n", "nan", "unknown", "?"))
_CODES = re.compile(r"[A-Za-z]{2}(?:\s*[,;/]\s*[A-Za-z]{2})+")
_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?")


class Details:
    """The optional fields in one row's cells.

    Args:
        cells: by column name, as normal_name() spells it.
        note: called with the reason word and the message of each value that cannot be used and was left out.
    """

    def __init__(self, cells: Mapping[str, str], note: Callable[[str, str], None]) -> None:
        self._cells, self._note = cells, note

    def several(self, names: Sequence[str]) -> str:
        """The values of the first of these columns that has any, as one field (`split_values` separates them)."""
        name, text = self._first(names)
        return self._bounded(name, text and join_values(self._values(name, text)), VALUES_LIMIT)

    def countries(self, names: Sequence[str]) -> str:
        """As `several`, codes in capitals: "nl, be" is two countries, "Korea, Republic of" is one."""
        name, text = self._first(names)
        return self._bounded(name, text and join_countries(self._values(name, text)), VALUES_LIMIT)

    def gtins(self) -> str:
        """The GTINs in their normal form, as one field; one that is none is left out."""
        name, text = self._first(GTIN)
        found = []
        for value in self._values(name, text):
            try:
                found.append(normal_gtin(value))
            except ValueError as error:
                self._leave_empty("bad-gtin", f"{name} {value[:40]!r} is no GTIN or EAN: {error}")
        return self._bounded(name, join_values(found), VALUES_LIMIT)

    def word(self, names: Sequence[str]) -> str:
        """A text of at most WORD_LIMIT characters."""
        name, text = self._first(names)
        return self._bounded(name, _plain(text), WORD_LIMIT)

    def prose(self, names: Sequence[str], limit: int) -> str:
        """A text without its HTML, cut after `limit` characters, between words where it has any."""
        text = plain_text(self._first(names)[1])
        if len(text) <= limit:
            return text
        cut = text[: limit - 1]
        return (cut.rpartition(" ")[0] or cut) + "…"

    def page(self, names: Sequence[str]) -> str:
        """An http(s) address of at most VALUES_LIMIT characters."""
        name, text = self._first(names)
        address = self._bounded(name, _plain(text), VALUES_LIMIT)
        try:
            return web_address(address) if address else ""
        except ValueError:
            self._leave_empty("bad-link", f"{name} {address[:80]!r} is not an http(s) address")
            return ""

    def window(self) -> tuple[date | None, date | None]:
        """The day before which an object was not seen, and the one after which it was not; None where it is open."""
        first, last = self._day(SEEN_FROM, end=False), self._day(SEEN_UNTIL, end=True)
        if first and last and first > last:
            self._leave_empty("bad-date", f"not seen before {first}, which is later than not seen after {last}")
            return None, None
        return first, last

    def _day(self, names: Sequence[str], *, end: bool) -> date | None:
        name, text = self._first(names)
        try:
            return _window_day(text, end=end)
        except ValueError:
            self._leave_empty("bad-date", f"{name} {text[:40]!r} is no date; write it as 2014-12-31, 2014-12 or 2014")
            return None

    def _first(self, names: Sequence[str]) -> tuple[str, str]:
        """The first of these columns that is filled, and its cell."""
        for name in names:
            cell = self._cells.get(name)
            if cell and (text := cell.strip()) and not is_none(text):
                return name, text
        return "", ""

    def _values(self, name: str, text: str) -> tuple[str, ...]:
        if "|" not in text and name in _PLURAL:
            text = re.sub(r"[,;]", "|", text)
        return split_values(_plain(text))

    def _bounded(self, name: str, text: str, limit: int) -> str:
        if len(text) <= limit:
            return text
        self._leave_empty("field-too-long", f"{name} has {len(text)} characters, {limit} are allowed")
        return ""

    def _leave_empty(self, reason: str, message: str) -> None:
        self._note(reason, message + LEFT_EMPTY)


def is_none(text: str) -> bool:
    """Whether a cell holds what spreadsheets and databases write where there is nothing."""
    return text.casefold() in _NONE


def join_countries(values: Sequence[str]) -> str:
    """Countries as one field: codes in capitals, several codes of one value apart."""
    apart = (code for value in values for code in (re.split(r"[,;/]", value) if _CODES.fullmatch(value) else (value,)))
    return join_values(code.strip().upper() if len(code.strip()) == 2 else code for code in apart)


def plain_text(raw: str) -> str:
    """A text that may be HTML as one line of plain text; scripts and styles are left out."""
    text = raw[:_HTML_LIMIT]
    if "<" in text:
        text = _TAG.sub(" ", _INLINE.sub("", _HIDDEN.sub(" ", text)))
    return _plain(html.unescape(text) if "&" in text else text)


def _plain(text: str) -> str:
    """A text without control characters and half characters, which neither a page nor a terminal can show."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return composed(SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _BLANK.sub(" ", text)).strip())


def _window_day(text: str, *, end: bool) -> date | None:
    """The day on which a window begins or ends: of a year or a month the first, or the last. Raises ValueError."""
    period = _PERIOD.fullmatch(text)
    if not period:
        return parse_date(text)
    year, month = int(period[1]), int(period[2] or (12 if end else 1))
    begin = date(year, month, 1)
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1) if end else begin
