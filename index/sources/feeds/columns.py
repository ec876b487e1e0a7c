"""What columns mean: rows with a feed's own column names become products and objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urljoin

from index.errors import FeedError
from index.records.entries import SEVERAL
from index.records.feed_records import Collection, FeedRow, ObjectRecord, ObjectStatus, ProductRecord, Refusal
from index.sources.feeds import details
from index.sources.feeds.dates import parse_date
from index.sources.feeds.details import Details
from index.sources.feeds.references import PICTURE_COLUMNS, is_web_address, names_pictures, normal_name, resolve
from index.sources.feeds.text import SURROGATE

ID_LIMIT = 512
TEXT_LIMIT = 4000
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")

# Each record field: the column names that may hold it, the most specific first, as normal_name() spells them.
PRODUCT_ID = (
    "product_id",
    "id",
    "sku",
    "item_id",
    "offer_id",
    "product_code",
    "article_number",
    "code",
    "handle",
    "key",
)
OBJECT_ID = ("object_id", "id", "reference", "ref", "identifier")
_PRODUCT = {
    "title": ("title", "name", "product_name", "product_title", "caption"),
    "brand": ("brand", "brands", "vendor", "manufacturer", "brand_name"),
    "category": (
        *("category", "product_type", "product_category", "category_name", "google_product_category", "categories"),
        "type",
    ),
    "retailer": ("retailer", "seller", "store", "shop", "merchant", "retailer_name", "store_name", "shop_name"),
    "country": ("country", "countries", "sold_in", "country_code", "target_country", "market", "markets"),
    "price": ("price", "variant_price", "regular_price", "sale_price", "price_value", "price_amount"),
    "currency": ("currency", "price_currency", "pricecurrency", "currency_code"),
    "link": ("link", "url", "product_url", "product_link", "page", "page_url", "canonical_link"),
    "first_seen": ("first_seen", "available_from", "date_first_available", "availability_date", "published_at"),
    "last_seen": ("last_seen", "available_until", "discontinued_at", "availability_ends"),
}
_OBJECT = {
    "title": ("title", "name"),
    "authority": ("authority", "authority_name", "publisher", "published_by"),
    "kind": ("kind", "object_kind", "type", "category"),
    "country": ("country", "countries", "country_code", "country_name"),
    "published": ("published", "published_at", "date_published", "publication_date", "date"),
    "status": ("status", "state"),
    "tip_page": ("tip_page", "tips", "tip_url", "tip_link", "link", "url"),
}
_KNOWN = {
    *PRODUCT_ID,
    *OBJECT_ID,
    *details.COLUMNS,
    *(name for table in (_PRODUCT, _OBJECT) for names in table.values() for name in names),
}
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


class _RowError(Exception):
    """Carries a refusal's reason and message out of a mapping."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def product(row: FeedRow, base: Path, feed: str, defaults: Defaults = NO_DEFAULTS) -> ProductRecord | Refusal:
    """Return the product that a row describes, or why it describes none.

    `base` is the folder from which relative picture paths are taken, `feed` the feed's name in a refusal.
    """
    try:
        cells = _cells(row.fields)
        values = {field: _first(cells, names) for field, names in _PRODUCT.items() if field not in SEVERAL}
        optional = Details(cells)
        first_seen, last_seen = (_day(field, values[field]) for field in ("first_seen", "last_seen"))
        if first_seen and last_seen and first_seen > last_seen:
            raise _RowError("bad-date", f"first seen {first_seen} is after last seen {last_seen}")
        return ProductRecord(
            number=row.number,
            product_id=_identity(cells, PRODUCT_ID),
            pictures=_pictures(row, base),
            title=values["title"],
            brand=optional.several(_PRODUCT["brand"]) or defaults.brand,
            category=values["category"] or defaults.category,
            retailer=values["retailer"] or defaults.retailer,
            country=optional.countries(_PRODUCT["country"]) or details.join_countries((defaults.country,)),
            price=_price(values["price"], values["currency"]),
            link=_web_address(values["link"], defaults.site),
            first_seen=first_seen,
            last_seen=last_seen,
            made_in=optional.countries(details.MADE_IN),
            gtin=optional.gtins(),
            variant_group=optional.word(details.VARIANT_GROUP),
            description=optional.prose(details.DESCRIPTION, details.DESCRIPTION_LIMIT),
            licence=optional.word(details.LICENCE),
            source_page=optional.page(details.SOURCE_PAGE),
            left_empty=tuple(optional.left_empty),
        )
    except _RowError as refused:
        return Refusal(place(row, feed), refused.reason, str(refused))


def published_object(row: FeedRow, base: Path, feed: str) -> ObjectRecord | Refusal:
    """Return the object that a row of an authority's publication describes, or why it describes none."""
    try:
        cells = _cells(row.fields)
        values = {field: _first(cells, names) for field, names in _OBJECT.items() if field not in SEVERAL}
        optional = Details(cells)
        seen_from, seen_until = optional.window()
        status = _STATUS.get(values["status"].casefold())
        if status is None:
            raise _RowError("bad-status", f"status {values['status'][:40]!r}: write open, identified or closed")
        tip_page = _web_address(values["tip_page"], "")
        if values["tip_page"] and not tip_page:
            raise _RowError("bad-link", f"tip page {values['tip_page'][:80]!r} is not an http(s) address")
        return ObjectRecord(
            number=row.number,
            object_id=_identity(cells, OBJECT_ID),
            pictures=_pictures(row, base),
            title=values["title"],
            kind=values["kind"],
            country=optional.countries(_OBJECT["country"]),
            published=_day("published", values["published"]),
            status=status,
            tip_page=tip_page,
            authority=values["authority"],
            question=optional.prose(details.QUESTION, details.QUESTION_LIMIT),
            description=optional.prose(details.DESCRIPTION, details.DESCRIPTION_LIMIT),
            seen_from=seen_from,
            seen_until=seen_until,
            series=optional.word(details.SERIES),
            region=optional.word(details.REGION),
            left_empty=tuple(optional.left_empty),
        )
    except _RowError as refused:
        return Refusal(place(row, feed), refused.reason, str(refused))


def unusable_pictures(row: FeedRow, base: Path, feed: str) -> list[Refusal]:
    """Return a refusal for each picture reference of the row that names nothing that can be read."""
    refusals = []
    for reference in row.pictures:
        try:
            resolve(reference, base)
        except ValueError as error:
            refusals.append(Refusal(place(row, feed), "bad-picture", f"picture {reference[:80]!r}: {error}"))
    return refusals


def unusable_fields(record: ProductRecord | ObjectRecord, row: FeedRow, feed: str) -> list[Refusal]:
    """Return a refusal for each optional field of the row that was left empty, or that lost a value."""
    return [Refusal(place(row, feed), empty.reason, empty.message) for empty in record.left_empty]


def known(column: str) -> bool:
    """Whether a column's name is known to one of the mappings."""
    return normal_name(column) in _KNOWN or names_pictures(column)


def place(row: FeedRow, feed: str) -> str:
    """Return where a person finds the row."""
    return row.place or f"{feed}:{row.number}"


def require_columns(columns: Iterable[str], collection: Collection, feed: str) -> None:
    """Raise FeedError, naming what was found and what is needed, unless rows with these columns can become records."""
    found = list(columns)
    ids = PRODUCT_ID if collection == "catalogue" else OBJECT_ID
    missing = []
    if not any(normal_name(column) in ids for column in found):
        missing.append(f"an identifier ({', '.join(ids)})")
    if not any(names_pictures(column) for column in found):
        missing.append(f"a picture ({', '.join(PICTURE_COLUMNS[:1] + PICTURE_COLUMNS[8:11])} ...)")
    if missing:
        listed = ", ".join(column[:40] for column in found[:30]) or "none"
        raise FeedError(f"{feed}: no column for {' nor for '.join(missing)}. Columns found: {listed}.")


def _cells(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the cells by normal column name, the first of equal names, the first filled one where both are."""
    cells: dict[str, str] = {}
    for column, cell in fields.items():
        name = normal_name(column)
        if not cells.get(name):
            cells[name] = cell
    return cells


def _first(cells: Mapping[str, str], names: Iterable[str]) -> str:
    for name in names:
        raw = cells.get(name)
        if raw and (text := _text(name, raw, TEXT_LIMIT)):
            return text
    return ""


def _identity(cells: Mapping[str, str], names: Iterable[str]) -> str:
    # One column for the whole feed: taking another one per row would mix two numbering schemes.
    name = next((name for name in names if name in cells), None)
    identity = _text(name, cells[name], ID_LIMIT) if name else ""
    if not identity:
        raise _RowError("no-id", f"the row has no identifier; one of these is needed: {', '.join(names)}")
    return identity


def _text(name: str, raw: str, limit: int) -> str:
    if not raw:
        return ""
    if len(raw) > 8 * limit:
        raise _RowError("field-too-long", f"{name} has {len(raw)} characters, {limit} are allowed")
    if "\0" in raw:
        raise _RowError("nul-byte", f"{name} contains a NUL character")
    # Control characters go too: a title is printed on terminals.
    text = (raw if raw.isprintable() and "  " not in raw else _BLANK.sub(" ", raw)).strip()
    if len(text) > limit:
        raise _RowError("field-too-long", f"{name} has {len(text)} characters, {limit} are allowed")
    if not text.isascii() and SURROGATE.search(text):
        raise _RowError("bad-encoding", f"{name} contains half a character (a lone surrogate)")
    return text


def _pictures(row: FeedRow, base: Path) -> tuple[str, ...]:
    pictures: dict[str, None] = {}
    reason = ""
    for reference in row.pictures:
        try:
            pictures[resolve(reference, base)] = None
        except ValueError as error:
            reason = reason or f"picture {reference[:80]!r}: {error}"
    if not pictures:
        if reason:
            raise _RowError("bad-picture", reason)
        raise _RowError("no-picture", "the row names no picture")
    return tuple(pictures)


def _day(field: str, text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        message = f"{field.replace('_', ' ')} {text[:40]!r} is no date; write it as 2025-12-31"
        raise _RowError("bad-date", message) from None


def _price(amount: str, currency: str) -> str:
    """Return the price, with the currency appended where it has a column of its own."""
    return f"{amount} {currency}" if amount and currency and not re.search(r"[^\d.,\s]", amount) else amount


def _web_address(text: str, site: str) -> str:
    """Return an http(s) address, or nothing: anything else (javascript:, data:) must never become a link on a page."""
    if text.startswith("www."):
        text = "https://" + text
    try:
        address = urljoin(site, text) if text and site and not is_web_address(text) else text
    except ValueError:
        return ""
    return address if is_web_address(address) else ""
