"""Google Merchant Center feeds: RSS 2.0 and Atom with the `g:` names, and the tab-separated kind.

An XML feed is cut into its items and each is parsed by itself, so that one with a mistake (a bare `&` is the usual one)
leaves the others whole; a recovering parser silently drops what follows some mistakes. Cut out of the
document, an item has no document type and so no entities of its own: nothing can expand, nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from xml.etree import ElementTree

from index.records.entries import join_values
from index.records.feed_records import FeedRow, Refusal, RefusedRow
from index.sources.feeds import text, xml_items
from index.sources.feeds.delimited import DelimitedReader
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.references import names_pictures, references

_GOOGLE = re.compile(r"\{https?://base\.google\.com/")
_ELEMENT = re.compile(r"<(?:[\w-]+:)?([\w-]{1,100})>\s*(?:<!\[CDATA\[([^\]]*)\]\]>|([^<]*))\s*</")
_ROOTS = ("rss", "feed", "channel", "rdf")
_REPEATED = ("g:gtin", "g:brand")
_MARKS = re.compile(r"\b(?:availability|condition|google[ _]product[ _]category|gtin|mpn)\b")


class GoogleReader:
    """Reads what shops upload to Google Merchant Center."""

    format = "google"

    def __init__(self) -> None:
        self._delimited = DelimitedReader()

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Recognise the XML by its root element, tab-separated text by a header with Google's column names."""
        if not head:
            return False
        start = text.head_text(head, feed.encoding)
        if start.lstrip().startswith("<"):
            return text.root_element(start) in _ROOTS
        header = start.partition("\n")[0].casefold()
        marked = "\t" in header and re.search(r"\bimage[ _]link\b", header) and _MARKS.search(header)
        return bool(marked) and self._delimited.recognises(feed, head)

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:
        """Return the header of a tab-separated feed, None of an XML one."""
        return None if _is_xml(feed) else self._delimited.columns(feed)

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the rows: by ordinal of the item in XML, by line in a tab-separated feed.

        Raises FeedError, FeedIncomplete.
        """
        if not _is_xml(feed):
            yield from self._delimited.rows(feed)
            return
        for item in xml_items.items(feed):
            where = f"{feed}:{item.line} (item {item.number})"
            if item.element is None:
                yield RefusedRow(where, *item.broken, _cells(item.raw))
            else:
                yield _row(item.element, item.number, where)


def _is_xml(feed: FeedFile) -> bool:
    return text.head_text(feed.head(), feed.encoding).lstrip().startswith("<")


def _cells(raw: str) -> tuple[tuple[str, str], ...]:
    """The elements with nothing but text that can be made out in a broken item."""
    return tuple((name, unescape(section or plain).strip()) for name, section, plain in _ELEMENT.findall(raw))


def _row(element: ElementTree.Element, number: int, where: str) -> FeedRow:
    """Return the row of an item: Google's own names before RSS's and Atom's equal ones, of repeated ones the first.

    A GTIN or a brand may be repeated, and all count.
    """
    fields: dict[str, str] = {}
    pictures: dict[str, list[str]] = {}
    for child in sorted(element, key=lambda child: not _GOOGLE.match(child.tag)):
        name = child.tag.rpartition("}")[2]
        if _GOOGLE.match(child.tag):
            name = f"g:{name}"
        # Atom links are empty elements that point; only the page itself is the product's link.
        value = (child.text or "").strip()
        if not value and child.get("rel", "alternate") == "alternate":
            value = child.get("href", "")
        if names_pictures(name):
            # A main picture is one URL; additional ones may stand several in an element, besides repeating.
            found = references({name: value})
            pictures.setdefault(name, []).extend(found)
        elif value and name in _REPEATED and name in fields:
            fields[name] = join_values((fields[name], value))
        elif value:
            fields.setdefault(name, value)
    return FeedRow(number, fields, references(pictures), where)
