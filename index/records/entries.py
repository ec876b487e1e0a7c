"""An entry: a product or an object, that is, whatever can be a candidate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from index.records.feed_records import Collection, ObjectRecord, ProductRecord

# Between the values of a field that may have several.
SEPARATOR = " | "
SEVERAL = ("brand", "country", "made_in", "gtin")
# Fields that a later version added. An upgrade alone leaves them empty, and must change no digest: neither an entry's,
# nor a generation's.
ADDED = (
    *("made_in", "gtin", "variant_group", "description", "licence", "source_page"),
    *("question", "seen_from", "seen_until", "series", "region"),
)


@dataclass(frozen=True)
class EntryFields:
    """What a feed states about one product or object, in fields that both share.

    Days are ISO 8601 or empty. For an object `category` is its kind and `link` the page where tips go. `status` of a
    product is "current" or "discontinued", of an object its ObjectStatus, or empty where it is to stay. An empty
    `last_seen` means "still there"; of an object it is the day on which it was found to be no longer open. Those of
    SEVERAL may hold more than one value, as `split_values` separates them. `country` is where a product is sold,
    `made_in` where it is made. `seen_from` and `seen_until`: the object was not seen before and not after.
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
    made_in: str = ""
    gtin: str = ""
    variant_group: str = ""
    description: str = ""
    licence: str = ""
    source_page: str = ""
    question: str = ""
    seen_from: str = ""
    seen_until: str = ""
    series: str = ""
    region: str = ""

    def counted(self) -> dict[str, str]:
        """The fields that a digest is over: of those in ADDED only the ones that are not empty."""
        return {name: value for name, value in vars(self).items() if value or name not in ADDED}

    def digest(self) -> str:
        """SHA-256 over the fields: equal exactly when all fields are."""
        return hashlib.sha256(json.dumps(self.counted(), sort_keys=True).encode()).hexdigest()

    def several(self, name: str) -> tuple[str, ...]:
        """The values of a field of SEVERAL."""
        return split_values(getattr(self, name))


def split_values(text: str) -> tuple[str, ...]:
    """The values that stand in one field, each once and in order: "NL | BE" has two."""
    return tuple(dict.fromkeys(value for part in text.split("|") if (value := part.strip())))


def join_values(values: Iterable[str]) -> str:
    """Several values as one field: what `split_values` separates. A value with a bar in it is several."""
    return SEPARATOR.join(split_values("|".join(values)))


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
            made_in=record.made_in,
            gtin=record.gtin,
            variant_group=record.variant_group,
            description=record.description,
            licence=record.licence,
            source_page=record.source_page,
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
        description=record.description,
        question=record.question,
        seen_from=record.seen_from.isoformat() if record.seen_from else "",
        seen_until=record.seen_until.isoformat() if record.seen_until else "",
        series=record.series,
        region=record.region,
    )
