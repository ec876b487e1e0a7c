"""The facts of an entry as pages and dossiers show them: a label and a text each, in the reader's language."""

from __future__ import annotations

from typing import NamedTuple

from index.records.entries import SEVERAL, EntryFields, split_values
from index.records.feed_records import Collection
from service.rendering.language import Words

_LABELS = {
    "entry_id": "field.id",
    "brand": "field.brand",
    "category": "field.category",
    "retailer": "field.retailer",
    "country": "field.country",
    "made_in": "field.made_in",
    "price": "field.price",
    "gtin": "field.gtin",
    "variant_group": "field.variant_group",
    "first_seen": "field.first_seen",
    "last_seen": "field.last_seen",
    "description": "field.description",
    "licence": "field.licence",
    "link": "field.link",
    "source_page": "field.source_page",
}
_LABELS_OF_OBJECTS = {
    "entry_id": "field.reference",
    "authority": "filter.authority",
    "category": "field.kind",
    "status": "filter.status",
    "published": "field.published",
    "question": "field.question",
    "seen_from": "field.seen_from",
    "seen_until": "field.seen_until",
    "series": "field.series",
    "region": "field.region",
    "link": "work.tip_page",
}


class Fact(NamedTuple):
    """A field's name, its label, and its text."""

    name: str
    label: str
    text: str


def several(text: str) -> str:
    """The values of a field that may have several, for people: "NL, BE"."""
    return ", ".join(split_values(text))


def object_facts(fields: EntryFields, t: Words) -> list[Fact]:
    """What is known of an object, besides its title, status and question."""
    facts = (
        Fact("entry_id", t("field.reference"), fields.entry_id),
        Fact("published", t("field.published"), fields.published),
        Fact("category", t("field.kind"), fields.category),
        Fact("country", t("field.country"), several(fields.country)),
        Fact("region", t("field.region"), fields.region),
        Fact("window", t("field.window"), time_window(fields, t)),
        Fact("series", t("field.series"), fields.series),
    )
    return [fact for fact in facts if fact.text]


def product_facts(fields: EntryFields, t: Words) -> list[Fact]:
    """What is known of a product, besides what names it and where and when it was sold."""
    facts = (
        Fact("made_in", t("field.made_in"), several(fields.made_in)),
        Fact("gtin", t("field.gtin"), several(fields.gtin)),
        Fact("variant_group", t("field.variant_group"), fields.variant_group),
        Fact("licence", t("field.licence"), fields.licence),
    )
    return [fact for fact in facts if fact.text]


def entry_facts(fields: EntryFields, collection: Collection, t: Words) -> list[Fact]:
    """What each field of an entry became, without the empty ones and the title."""
    labels = _LABELS if collection == "catalogue" else {**_LABELS, **_LABELS_OF_OBJECTS}
    texts = ((name, getattr(fields, name)) for name in labels)
    return [Fact(name, t(labels[name]), several(text) if name in SEVERAL else text) for name, text in texts if text]


def time_window(fields: EntryFields, t: Words) -> str:
    """When an object was seen, as far as that is known."""
    ends = (("window.from", fields.seen_from), ("window.until", fields.seen_until))
    return ", ".join(t(key, day=day) for key, day in ends if day)
