"""What columns are called: the names under which feeds give each field of a product or an object."""

from __future__ import annotations

from collections.abc import Iterable

from index.errors import FeedError
from index.records.feed_records import Collection
from index.sources.feeds import details
from index.sources.feeds.references import PICTURE_COLUMNS, names_pictures, normal_name

# Each record field: the column names that may hold it, the most specific first, as normal_name() spells them.
PRODUCT_ID = (
    *("product_id", "id", "sku", "item_id", "offer_id", "product_code", "article_number", "code", "handle", "key"),
    # Numbers of the trade, where a feed has no others.
    *("gtin", "ean", "gtin13", "ean13", "gtin14", "gtin12", "upc", "gtin8", "barcode", "isbn", "mpn"),
)
OBJECT_ID = ("object_id", "id", "reference", "ref", "identifier")
PRODUCT = {
    "title": ("title", "name", "product_name", "product_title", "item_name", "caption"),
    "brand": ("brand", "vendor", "manufacturer", "brand_name", "brands"),
    "category": (
        *("category", "product_type", "product_category", "category_name", "google_product_category", "categories"),
        *("product_types", "product_categories", "type"),
    ),
    "retailer": ("retailer", "seller", "store", "shop", "merchant", "retailer_name", "store_name", "shop_name"),
    "country": ("country", "countries", "sold_in", "country_code", "target_country", "market", "markets"),
    "price": (
        *("price", "variant_price", "regular_price", "sale_price", "price_value", "price_amount"),
        *("price_tax_included", "price_tax_excluded"),
    ),
    "currency": ("currency", "price_currency", "pricecurrency", "currency_code"),
    "link": ("link", "url", "product_url", "product_link", "page", "page_url", "canonical_link"),
    "first_seen": (
        *("first_seen", "available_from", "date_first_available", "availability_date", "published_at"),
        *("product_creation_date", "created_at"),
    ),
    "last_seen": ("last_seen", "available_until", "discontinued_at", "availability_ends"),
}
OBJECT = {
    "title": ("title", "name"),
    "authority": ("authority", "authority_name", "publisher", "published_by"),
    "kind": ("kind", "object_kind", "type", "category"),
    "country": ("country", "countries", "country_code", "country_name"),
    "published": ("published", "published_at", "date_published", "publication_date", "date"),
    "status": ("status", "state"),
    "tip_page": ("tip_page", "tips", "tip_url", "tip_link", "link", "url"),
}
# What shop systems call kinds of articles, in the columns in which others give the category.
ARTICLE_KINDS = frozenset(
    (
        *("simple", "variable", "variation", "grouped", "external", "configurable", "bundle", "virtual"),
        *("downloadable", "giftcard", "standard", "pack", "combinations", "simple, virtual", "simple, downloadable"),
        *("simple, virtual, downloadable", "simple, downloadable, virtual", "variation, virtual"),
    )
)
_KNOWN = {
    *PRODUCT_ID,
    *OBJECT_ID,
    *details.COLUMNS,
    *(name for table in (PRODUCT, OBJECT) for names in table.values() for name in names),
}


def known(column: str) -> bool:
    """Whether a column's name is known to one of the mappings."""
    return normal_name(column) in _KNOWN or names_pictures(column)


def id_columns(collection: Collection) -> tuple[str, ...]:
    """The names of the columns that may identify an entry of a collection."""
    return PRODUCT_ID if collection == "catalogue" else OBJECT_ID


def require_columns(columns: Iterable[str], collection: Collection, feed: str) -> None:
    """Raise FeedError, naming what was found and what is needed, unless rows with these columns can become records."""
    found = list(columns)
    ids = id_columns(collection)
    missing = []
    if not any(normal_name(column) in ids for column in found):
        missing.append(f"an identifier ({', '.join(ids)})")
    if not any(names_pictures(column) for column in found):
        missing.append(f"a picture ({', '.join(PICTURE_COLUMNS[:1] + PICTURE_COLUMNS[8:11])} ...)")
    if missing:
        listed = ", ".join(column[:40] for column in found[:30]) or "none"
        raise FeedError(f"{feed}: no column for {' nor for '.join(missing)}. Columns found: {listed}.")
