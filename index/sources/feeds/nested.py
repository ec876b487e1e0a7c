"""Rows from values with a structure: JSON objects, Parquet's structs and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from index.records.entries import join_values
from index.records.feed_records import FeedRow
from index.sources.feeds.references import names_pictures, references

# The properties of a picture object that hold its address.
_ADDRESS = ("url", "src", "link", "href", "path", "file", "contentUrl", "content_url")
_WRAPPERS = frozenset(("attributes", "productAttributes"))
_DEPTH = 3
_LIST = 100


def row_of(item: Mapping[str, object], number: int, place: str = "") -> FeedRow:
    """Return the row that an object with named values makes.

    A value inside another is named with a dot (`brand.name`), a list of plain values is one text of several, as
    `split_values` separates them, null is blank. Pictures may be a text, an object with an address, or a list of these;
    texts in a list are taken whole.
    """
    fields: dict[str, str] = {}
    pictures: dict[str, str | Sequence[str]] = {}
    for name, value in _unwrapped(item):
        if names_pictures(name):
            pictures[name] = value if isinstance(value, str) else _addresses(value)
        else:
            _flatten(name, value, fields, _DEPTH)
    return FeedRow(number, fields, references(pictures), place)


def _unwrapped(item: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The values of an object, those of a wrapper in their own names: Google's Merchant API has such a one."""
    for name, value in item.items():
        if name in _WRAPPERS and isinstance(value, Mapping):
            yield from value.items()
        else:
            yield name, value


def _addresses(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return next(([found] for name in _ADDRESS if isinstance(found := value.get(name), str) and found), [])
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [address for one in value if not isinstance(one, list) for address in _addresses(one)]
    return []


def _flatten(name: str, value: object, fields: dict[str, str], depth: int) -> None:
    if isinstance(value, Mapping):
        if depth:
            for inner, found in value.items():
                _flatten(f"{name}.{inner}", found, fields, depth - 1)
    elif isinstance(value, list):
        fields[name] = join_values(_plain(one) for one in value[:_LIST] if not isinstance(one, list | Mapping))
    else:
        fields[name] = _plain(value)


def _plain(value: object) -> str:
    if value is None or isinstance(value, bytes) or value != value:  # NaN is how data frames write null
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)
