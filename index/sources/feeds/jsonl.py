"""JSON feeds: JSON Lines, a list of objects, or an object that holds one (an authority's publication list)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.errors import FeedIncomplete
from index.records.feed_records import FeedRow, Refusal, RefusedRow
from index.sources.feeds import json_items, text
from index.sources.feeds.columns import known
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.nested import row_of
from index.sources.feeds.references import names_pictures

_LIST_INSIDE = re.compile(r'"\s*:\s*\[\s*\{')


class JsonReader:
    """Reads one object a row, however the objects are strung together."""

    format = "jsonl"

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Whether the file begins as JSON does."""
        return text.head_text(head, feed.encoding).lstrip()[:1] in ("{", "[") if head else False

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each object names its own."""
        return None

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the rows: by line in JSON Lines, by ordinal in a list. Raises FeedError, FeedIncomplete.

        JSON Lines that are cut between two lines cannot be recognised.
        """
        if one_a_line(text.head_text(feed.head(), feed.encoding)):
            yield from _lines(feed)
        else:
            yield from _listed(feed)


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


def _lines(feed: FeedFile) -> Iterator[FeedRow | Refusal]:
    cut = False
    for line in text.lines(feed):
        if not line.text.strip():
            continue
        where = f"{feed}:{line.number}"
        if line.too_long:
            message = f"the line has over {text.LINE_LIMIT} characters"
            yield RefusedRow(where, "line-too-long", message, json_items.pairs(line.text))
            continue
        try:
            value = json_items.decode(line.text)
        except ValueError as error:
            yield RefusedRow(where, "bad-json", f"the line is not JSON: {error}", json_items.pairs(line.text))
            cut = not line.text.endswith(("\n", "\r"))
            continue
        yield _row(value, line.number, where)
    if cut:
        raise FeedIncomplete(f"{feed}: ends in the middle of its last line: fetch it again.")


def _listed(feed: FeedFile) -> Iterator[FeedRow | Refusal]:
    for item in json_items.items(feed):
        where = f"{feed}:{item.line} (item {item.number})"
        if item.broken:
            yield RefusedRow(where, "bad-json", f"the item is not JSON: {item.broken}", json_items.pairs(item.raw))
        else:
            yield _row(item.value, item.number, where)


def _row(value: object, number: int, where: str) -> FeedRow | Refusal:
    if not isinstance(value, dict):
        return Refusal(where, "not-an-object", f"a row is an object {{...}}, here stands a {type(value).__name__}")
    return row_of(value, number, where)
