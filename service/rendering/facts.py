"""The facts of an entry as pages and dossiers show them: a label and a text each, in the reader's language."""

from __future__ import annotations

from typing import NamedTuple

from index.records.entries import EntryFields, split_values
from service.rendering.language import Words


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


def time_window(fields: EntryFields, t: Words) -> str:
    """When an object was seen, as far as that is known."""
    ends = (("window.from", fields.seen_from), ("window.until", fields.seen_until))
    return ", ".join(t(key, day=day) for key, day in ends if day)
