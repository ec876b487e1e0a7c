"""JSON feeds: JSON Lines, a list of objects, or an object that holds one (an authority's publication list)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds import json_items, text
from index.sources.feeds.columns import known
from index.sources.feeds.nested import row_of
from index.sources.feeds.references import names_pictures

_LIST_INSIDE = re.compile(r'"\s*:\s*\[\s*\{')


class JsonReader:
    """Reads one object a row, however the objects are strung together."""

    format = "jsonl"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Whether the file begins as JSON does."""
        return text.head_text(head).lstrip()[:1] in ("{", "[") if head else False

    def columns(self, path: Path) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each object names its own."""
        return None

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream the rows: by line in JSON Lines, by ordinal in a list. Raises FeedError."""
        if one_a_line(text.head_text(text.read_head(path))):
            yield from _lines(path)
        else:
            yield from _listed(path)


def one_a_line(head: str) -> bool:
    """Tell JSON Lines from one document: the first line is an object, though maybe a broken one, and a row itself."""
    lines = [line for line in head.splitlines() if line.strip()][:2]
    if not lines or not lines[0].startswith("{"):
        return False
    try:
        first = json_items.decode(lines[0])
    except ValueError:
        # A document that begins like this goes on; a line that was cut off or is too long for the head does not end.
        whole = lines[0].rstrip().endswith("}") or len(lines) == 1
        return whole and not _LIST_INSIDE.search(lines[0])
    if len(lines) > 1:
        return True  # an object that ends on its line, and something after it
    if not isinstance(first, dict):
        return False
    # A publication list, too, may stand on one line and tell its authority; a row has pictures of its own.
    listed = any(isinstance(value, list) and value and isinstance(value[0], dict) for value in first.values())
    return any(names_pictures(name) for name in first) or (not listed and any(known(name) for name in first))


def _lines(path: Path) -> Iterator[FeedRow | Refusal]:
    for line in text.lines(path):
        if not line.text.strip():
            continue
        where = f"{path}:{line.number}"
        if line.broken:
            yield Refusal(where, *line.broken)
            continue
        try:
            value = json_items.decode(line.text)
        except ValueError as error:
            yield Refusal(where, "bad-json", f"the line is not JSON: {error}")
            continue
        yield _row(value, line.number, where)


def _listed(path: Path) -> Iterator[FeedRow | Refusal]:
    for item in json_items.items(path):
        where = f"{path}:{item.line} (item {item.number})"
        if item.broken:
            yield Refusal(where, "bad-json", f"the item is not JSON: {item.broken}")
        else:
            yield _row(item.value, item.number, where)


def _row(value: object, number: int, where: str) -> FeedRow | Refusal:
    if not isinstance(value, dict):
        return Refusal(where, "not-an-object", f"a row is an object {{...}}, here stands a {type(value).__name__}")
    return row_of(value, number, where)
