"""What is said of an object that is no longer asked for."""

from __future__ import annotations

from index.records.entries import EntryFields
from service.rendering.language import Words


def settled_text(fields: EntryFields, t: Words) -> str:
    """Since when an object is identified or closed, where the day is known, and that no tips are asked for."""
    asked = t("object.settled", authority=fields.authority)
    if not fields.last_seen:
        return asked
    since = "object.identified_on" if fields.status == "identified" else "object.closed_on"
    return f"{t(since, day=fields.last_seen)} {asked}"
