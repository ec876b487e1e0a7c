"""The items of an XML feed, cut out of the stream and parsed one by one."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree
from xml.parsers import expat

from index.errors import FeedError
from index.sources.feeds import text

ITEM_LIMIT = 1_048_576
_CHUNK = 65_536
# Comments and CDATA sections are skipped whole: a tag inside them is text.
_MARK = re.compile(
    r"<!--|<!\[CDATA\[|<!DOCTYPE|<!ENTITY|<(?P<open>(?:[\w.-]+:)?(?:item|entry))(?=[\s/>])|</(?P<close>(?:[\w.-]+:)?(?:item|entry))\s*>",
)
_BROKEN = re.compile("[\ud800-\udfff\ufffd]")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}
_SECTIONS = {opening: re.compile(f"{re.escape(opening)}|{re.escape(end)}") for opening, end in _ENDS.items()}
_LONGEST_MARK = 200
_NAMESPACE = re.compile(r"""\bxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"<]*"|'[^'<]*')""")
_DECLARED = re.compile(r"""^<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


@dataclass(frozen=True)
class XmlItem:
    """One item: its ordinal from 1, the line it begins on, its element, or a reason word and what is wrong."""

    number: int
    line: int
    element: ElementTree.Element | None
    broken: tuple[str, str] = ("", "")


def items(path: Path) -> Iterator[XmlItem]:
    """Stream the `item` or `entry` elements of a feed, in bounded memory.

    Raises FeedError for a document type declaration (a feed needs none, and entities come with it), for an unknown
    encoding, and for a document without any item.
    """
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding, errors="surrogateescape" if encoding == "utf-8" else "replace") as file:
            found = False
            for item in _cut(file, path):
                found = True
                yield item
    except OSError as error:
        raise FeedError(f"{path}: cannot be read: {error.strerror}. Check the disk and start again.") from error
    if not found:
        raise FeedError(f"{path}: no <item> or <entry> in this XML. A Google feed is RSS 2.0 or Atom.")


def _encoding(path: Path) -> str:
    head = text.read_head(path)
    found = text.encoding_of(head)
    if found.startswith("utf-16") or head.startswith(codecs.BOM_UTF8):
        return "utf-8" if found == "ascii" else found
    declared = _DECLARED.match(text.head_text(head).lstrip())
    name = declared[1] if declared else "utf-8"
    try:
        known = codecs.lookup(name)
    except LookupError:
        raise FeedError(f"{path}: the encoding {name[:40]!r} is unknown. Save the feed as UTF-8.") from None
    if not known._is_text_encoding:
        raise FeedError(f"{path}: {name[:40]!r} is no text encoding. Save the feed as UTF-8.")
    return known.name


class _Stream:
    """The text in memory, from the place that still matters."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again = ""
        self._again_from = 0
        self.text = file.read(_CHUNK).removeprefix("\ufeff")
        self.line = 1

    def more(self) -> bool:
        """Read on, doubling what is there. Return False at the end."""
        length = max(_CHUNK, len(self.text))
        more = self._again[self._again_from : self._again_from + length] or self._file.read(length)
        self._again_from += len(more)
        self.text += more
        return bool(more)

    def drop(self, length: int) -> str:
        """Forget the first characters and return them."""
        gone, self.text = self.text[:length], self.text[length:]
        self.line += gone.count("\n")
        if len(self.text) > 4 * _CHUNK:
            # Slicing costs the length of the string: most of a long look-ahead is set aside and read again.
            self._again = self.text[_CHUNK:] + self._again[self._again_from :]
            self._again_from = 0
            self.text = self.text[:_CHUNK]
        return gone


def _cut(file: TextIO, path: Path) -> Iterator[XmlItem]:
    stream = _Stream(file)
    namespaces: dict[str, str] = {}
    number = 0
    while (start := _next_item(stream, path, namespaces, before_items=number == 0)) is not None:
        stream.drop(start)
        number += 1
        line = stream.line
        length, broken = _extent(stream)
        raw = stream.drop(length)
        yield XmlItem(number, line, None, broken) if broken else _parsed(raw, namespaces, number, line)


def _next_item(stream: _Stream, path: Path, namespaces: dict[str, str], before_items: bool) -> int | None:
    """Return where the next item opens in the stream's text, which may have been dropped up to it; None at the end."""
    at = 0
    while True:
        mark = _MARK.search(stream.text, at)
        if mark is None:
            # The last characters may be the beginning of a mark.
            _collect(stream.drop(max(at, len(stream.text) - _LONGEST_MARK)), namespaces, before_items)
            at = 0
            if not stream.more():
                return None
            continue
        if mark[0] in ("<!DOCTYPE", "<!ENTITY"):
            raise FeedError(
                f"{path}:{stream.line + stream.text.count(chr(10), 0, mark.start())}: the XML has a document type "
                "declaration, which may expand without bounds and is not read. Export the feed without it."
            )
        if mark["open"]:
            _collect(stream.text[: mark.start()], namespaces, before_items)
            return mark.start()
        if mark["close"]:
            at = mark.end()
            continue
        _collect(stream.drop(mark.start()), namespaces, before_items)
        _step_over(stream, mark[0])
        at = 0


def _step_over(stream: _Stream, opening: str) -> None:
    """Drop a comment or CDATA section however long it is."""
    stream.drop(len(opening))
    while (end := stream.text.find(_ENDS[opening])) < 0:
        stream.drop(max(0, len(stream.text) - 2))
        if not stream.more():
            stream.drop(len(stream.text))
            return
    stream.drop(end + len(_ENDS[opening]))


def _collect(prolog: str, namespaces: dict[str, str], before_items: bool) -> None:
    """Remember the namespaces that are declared around the items."""
    if before_items and len(namespaces) < 100:
        for declaration in _NAMESPACE.findall(prolog):
            namespaces.setdefault(declaration.partition("=")[0].strip(), declaration)


def _extent(stream: _Stream) -> tuple[int, tuple[str, str] | None]:
    """Return how long the item at the stream's beginning is, and what keeps it from being parsed, if anything does."""
    at = 1
    while True:
        mark = _MARK.search(stream.text, at)
        if mark is None:
            at = max(at, len(stream.text) - _LONGEST_MARK)
            if len(stream.text) >= ITEM_LIMIT:
                return at, ("item-too-long", f"the item has over {ITEM_LIMIT} characters, or does not end")
            if not stream.more():
                return len(stream.text), ("bad-xml", "the document ends in the middle of the item")
        elif mark["open"]:
            return mark.start(), ("bad-xml", "the item does not end before the next begins")
        elif mark["close"]:
            too_long = ("item-too-long", f"the item has over {ITEM_LIMIT} characters")
            return mark.end(), too_long if mark.end() > ITEM_LIMIT else None
        elif mark[0] not in _SECTIONS:
            at = mark.end()
        elif (end := _SECTIONS[mark[0]].search(stream.text, mark.end())) is None:
            if len(stream.text) >= ITEM_LIMIT or not stream.more():
                return mark.end(), ("bad-xml", f"{mark[0]} opens a section that does not end")
        elif end[0] == mark[0]:
            # Sections do not nest: this one was left open, and the end found is that of a later item's section.
            return mark.end(), ("bad-xml", f"{mark[0]} opens a section that does not end before the next")
        else:
            at = end.end()


def _parsed(raw: str, namespaces: dict[str, str], number: int, line: int) -> XmlItem:
    broken = None
    if "\0" in raw:
        broken = ("nul-byte", "the item contains a NUL character")
    elif not raw.isascii() and _BROKEN.search(raw):
        broken = ("bad-encoding", "the item has bytes that are not in the document's encoding")
    if broken:
        return XmlItem(number, line, None, broken)
    try:
        declared = {"xmlns:g": 'xmlns:g="http://base.google.com/ns/1.0"', **namespaces}
        wrapped = ElementTree.fromstring(f"<feed {' '.join(declared.values())}>{raw}</feed>")
    except ElementTree.ParseError as error:
        found = line + error.position[0] - 1
        return XmlItem(number, line, None, ("bad-xml", f"line {found} is not XML: {expat.ErrorString(error.code)}"))
    return XmlItem(number, line, wrapped[0])
