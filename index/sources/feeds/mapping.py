"""Rows with a feed's own column names become products and objects.

A row without an identifier or a picture is refused. Whatever else it has is optional: a value that cannot be used is
left empty and reported, and the row is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urljoin

from index.records.entries import SEVERAL
from index.records.feed_records import (
    Collection,
    FeedRow,
    ObjectRecord,
    ObjectStatus,
    ProductRecord,
    Refusal,
    RefusedEntry,
    RefusedRow,
)
from index.sources.feeds import details
from index.sources.feeds.columns import ARTICLE_KINDS, OBJECT, OBJECT_ID, PRODUCT, PRODUCT_ID, id_columns
from index.sources.feeds.dates import parse_date
from index.sources.feeds.details import Details, is_none
from index.sources.feeds.references import normal_name, resolve
from index.sources.feeds.text import SURROGATE
from index.sources.web_address import is_web_address, web_address
from index.spelling import composed

ID_LIMIT = 512
TEXT_LIMIT = 4000
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_STATUS = {
    **dict.fromkeys(("", "open", "new", "active", "unsolved", "unidentified"), ObjectStatus.OPEN),
    **dict.fromkeys(("identified", "solved", "recognised", "recognized", "found"), ObjectStatus.IDENTIFIED),
    **dict.fromkeys(("closed", "archived", "withdrawn", "removed"), ObjectStatus.CLOSED),
}


@dataclass(frozen=True)
class Defaults:
    """Values for every row of a feed that has none of its own.

    `site` is the http(s) address of the shop, from which relative links are completed.
    """

    brand: str = ""
    category: str = ""
    retailer: str = ""
    country: str = ""
    site: str = ""


NO_DEFAULTS = Defaults()


class _Unusable(Exception):
    """A value that cannot be used: the reason word of its refusal, and the message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def product(row: FeedRow, base: Path, feed: str, defaults: Defaults = NO_DEFAULTS) -> list[ProductRecord | Refusal]:
    """Return the product that a row describes, or why it describes none; then what was left empty or out of it.

    `base` is the folder from which relative picture paths are taken, `feed` the feed's name in a refusal.
    """
    cells = _Cells(row, feed)
    try:
        identity, pictures = cells.identity(PRODUCT_ID), cells.pictures(base)
    except _Unusable as refused:
        return [cells.refusal(refused, PRODUCT_ID)]
    values = {field: cells.first(names) for field, names in PRODUCT.items() if field not in ("category", *SEVERAL)}
    optional = cells.details()
    first_seen, last_seen = (cells.day(field, values[field]) for field in ("first_seen", "last_seen"))
    if first_seen and last_seen and first_seen > last_seen:
        cells.note("bad-date", f"first seen {first_seen} is after last seen {last_seen}: both were left empty")
        first_seen = last_seen = None
    record = ProductRecord(
        number=row.number,
        product_id=identity,
        pictures=pictures,
        title=values["title"],
        brand=optional.several(PRODUCT["brand"]) or defaults.brand,
        category=cells.first(PRODUCT["category"], but=ARTICLE_KINDS) or defaults.category,
        retailer=values["retailer"] or defaults.retailer,
        country=optional.countries(PRODUCT["country"]) or details.join_countries((defaults.country,)),
        price=_price(values["price"], values["currency"]),
        link=_link(values["link"], defaults.site),
        first_seen=first_seen,
        last_seen=last_seen,
        made_in=optional.countries(details.MADE_IN),
        gtin=optional.gtins(),
        variant_group=optional.word(details.VARIANT_GROUP),
        description=optional.prose(details.DESCRIPTION, details.DESCRIPTION_LIMIT),
        licence=optional.word(details.LICENCE),
        source_page=optional.page(details.SOURCE_PAGE),
    )
    return [record, *cells.notes]


def published_object(row: FeedRow, base: Path, feed: str) -> list[ObjectRecord | Refusal]:
    """Return the object that a row of an authority's publication describes, as `product` returns a product."""
    cells = _Cells(row, feed)
    try:
        identity, pictures = cells.identity(OBJECT_ID), cells.pictures(base)
    except _Unusable as refused:
        return [cells.refusal(refused, OBJECT_ID)]
    values = {field: cells.first(names) for field, names in OBJECT.items() if field not in SEVERAL}
    optional = cells.details()
    seen_from, seen_until = optional.window()
    status = _STATUS.get(values["status"].casefold())
    if status is None:
        cells.note(
            "bad-status", f"status {values['status'][:40]!r}: write open, identified or closed; it was left as it was"
        )
    tip_page = _link(values["tip_page"], "")
    if values["tip_page"] and not tip_page and not is_none(values["tip_page"]):
        cells.note("bad-link", f"tip page {values['tip_page'][:80]!r} is not an http(s) address: it was left empty")
    record = ObjectRecord(
        number=row.number,
        object_id=identity,
        pictures=pictures,
        title=values["title"],
        kind=values["kind"],
        country=optional.countries(OBJECT["country"]),
        published=cells.day("published", values["published"]),
        status=status,
        tip_page=tip_page,
        authority=values["authority"],
        question=optional.prose(details.QUESTION, details.QUESTION_LIMIT),
        description=optional.prose(details.DESCRIPTION, details.DESCRIPTION_LIMIT),
        seen_from=seen_from,
        seen_until=seen_until,
        series=optional.word(details.SERIES),
        region=optional.word(details.REGION),
    )
    return [record, *cells.notes]


def refused_entry(row: RefusedRow, collection: Collection) -> RefusedEntry:
    """A row that could not be read, with the identifiers that its entry may have."""
    names = id_columns(collection)
    texts = (text for column, text in row.cells if row.shifted or normal_name(column) in names)
    found = dict.fromkeys(clean for text in texts if (clean := _clean_id(text)))
    return RefusedEntry(row.where, row.reason, row.message, tuple(found))


class _Cells:
    """The cells of a row by normal column name; `notes` collects what could not be used."""

    def __init__(self, row: FeedRow, feed: str) -> None:
        self._row = row
        self._where = row.place or f"{feed}:{row.number}"
        self._cells = _by_name(row.fields)
        self.notes: list[Refusal] = []

    def note(self, reason: str, message: str) -> None:
        self.notes.append(Refusal(self._where, reason, message))

    def refusal(self, refused: _Unusable, names: tuple[str, ...]) -> Refusal:
        """The refusal of the whole row: its entry, where it has a name, is still in the feed."""
        try:
            return RefusedEntry(self._where, refused.reason, str(refused), (self.identity(names),))
        except _Unusable as nameless:
            known = RefusedEntry if nameless.reason != "no-id" else Refusal
            return known(self._where, refused.reason, str(refused))

    def details(self) -> Details:
        """The fields that not every feed has; what of them cannot be used is noted."""
        return Details(self._cells, self.note)

    def identity(self, names: Iterable[str]) -> str:
        """The identifier. Raises _Unusable."""
        # One column for the whole feed: taking another one per row would mix two numbering schemes.
        name = next((name for name in names if name in self._cells), None)
        identity = _text(name, self._cells[name], ID_LIMIT) if name else ""
        if not identity:
            raise _Unusable("no-id", f"the row has no identifier; one of these is needed: {', '.join(names)}")
        return identity

    def first(self, names: Iterable[str], but: frozenset[str] = frozenset()) -> str:
        """The first filled one of some cells that is not one of the words `but`."""
        for name in names:
            cell = self._cells.get(name)
            if not cell:
                continue
            try:
                text = _text(name, cell, TEXT_LIMIT)
            except _Unusable as error:
                self.note(error.reason, f"{error}: it was left empty")
                continue
            if text and text.casefold() not in but:
                return text
        return ""

    def day(self, field: str, text: str) -> date | None:
        """The day that a cell names; None where it names none."""
        try:
            return None if is_none(text) else parse_date(text)
        except ValueError:
            name = field.replace("_", " ")
            self.note("bad-date", f"{name} {text[:40]!r} is no date, it was left empty; write it as 2025-12-31")
            return None

    def pictures(self, base: Path) -> tuple[str, ...]:
        """The row's pictures that can be read, with a note for each of the others. Raises _Unusable without any."""
        pictures: dict[str, None] = {}
        unusable = []
        for reference in self._row.pictures:
            try:
                pictures[resolve(reference, base)] = None
            except ValueError as error:
                unusable.append(f"picture {reference[:80]!r}: {error}")
        if not pictures:
            if unusable:
                raise _Unusable("bad-picture", unusable[0])
            raise _Unusable("no-picture", "the row names no picture")
        for message in unusable:
            self.note("bad-picture", message)
        return tuple(pictures)


def _by_name(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the cells by normal column name, the first of equal names, the first filled one where both are."""
    cells: dict[str, str] = {}
    for column, cell in fields.items():
        name = normal_name(column)
        if not cells.get(name):
            cells[name] = cell
    return cells


def _text(name: str, raw: str, limit: int) -> str:
    """A cell as it is kept: on one line, without control characters, its letters composed. Raises _Unusable."""
    if not raw:
        return ""
    if len(raw) > 8 * limit:
        raise _Unusable("field-too-long", f"{name} has {len(raw)} characters, {limit} are allowed")
    if "\0" in raw:
        raise _Unusable("nul-byte", f"{name} contains a NUL character")
    # Control characters go too: a title is printed on terminals.
    text = (raw if raw.isprintable() and "  " not in raw else _BLANK.sub(" ", raw)).strip()
    if not text.isascii():
        if SURROGATE.search(text):
            raise _Unusable("bad-encoding", f"{name} has bytes that are not in the feed's encoding")
        text = composed(text)
    if len(text) > limit:
        raise _Unusable("field-too-long", f"{name} has {len(text)} characters, {limit} are allowed")
    return text


def _clean_id(text: str) -> str:
    try:
        return _text("id", text, ID_LIMIT)
    except _Unusable:
        return ""


def _price(amount: str, currency: str) -> str:
    """Return the price, with the currency appended where it has a column of its own."""
    return f"{amount} {currency}" if amount and currency and not re.search(r"[^\d.,\s]", amount) else amount


def _link(text: str, site: str) -> str:
    """Return an http(s) address, or nothing: anything else (javascript:, data:) must never become a link on a page."""
    if text.startswith("www."):
        text = "https://" + text
    try:
        return web_address(urljoin(site, text) if text and site and not is_web_address(text) else text)
    except ValueError:
        return ""
