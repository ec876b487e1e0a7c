"""An entry: a product or an object, that is, whatever can be a candidate."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from index.records.feed_records import Collection, ObjectRecord, ProductRecord


@dataclass(frozen=True)
class EntryFields:
    """What a feed states about one product or object, in fields that both share.

    Days are ISO 8601 or empty. For an object `category` is its kind and `link` the page where tips go. `status` of a
    product is "current" or "discontinued", of an object its ObjectStatus, or empty where it is to stay. An empty
    `last_seen` means "still there"; of an object it is the day on which it was found to be no longer open.
    """

    entry_id: str
    title: str = ""
    brand: str = ""
    category: str = ""
    retailer: str = ""
    authority: str = ""
    country: str = ""
    price: str = ""
    link: str = ""
    published: str = ""
    status: str = "current"
    first_seen: str = ""
    last_seen: str = ""

    def digest(self) -> str:
        """SHA-256 over every field: equal exactly when all fields are."""
        return hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A product or object of the catalogue or of a generation; `id` is its number in the workspace."""

    id: int
    collection: Collection
    source: str
    fields: EntryFields
    images: tuple[str, ...]


def fields_of(record: ProductRecord | ObjectRecord, source: str) -> EntryFields:
    """A feed's record as the shared fields; `source` is the authority of an object without one."""
    if isinstance(record, ProductRecord):
        return EntryFields(
            entry_id=record.product_id,
            title=record.title,
            brand=record.brand,
            category=record.category,
            retailer=record.retailer,
            country=record.country,
            price=record.price,
            link=record.link,
            first_seen=record.first_seen.isoformat() if record.first_seen else "",
            last_seen=record.last_seen.isoformat() if record.last_seen else "",
        )
    return EntryFields(
        entry_id=record.object_id,
        title=record.title,
        category=record.kind,
        authority=record.authority or source,
        country=record.country,
        link=record.tip_page,
        published=record.published.isoformat() if record.published else "",
        status=str(record.status or ""),
    )
