"""The items of an XML feed, cut out of the stream and parsed one by one."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO
from xml.etree import ElementTree
from xml.parsers import expat

from index.errors import FeedError, FeedIncomplete
from index.sources.feeds import text
from index.sources.feeds.encodings import is_encoding
from index.sources.feeds.feed_file import FeedFile

ITEM_LIMIT = 4_194_304
# What is kept of a broken item, for the identifier in it.
_BEGINNING = 65_536
_CHUNK = 65_536
# Comments and CDATA sections are skipped whole: a tag inside them is text.
_MARKS = (
    r"<!--|<!\[CDATA\[|<!DOCTYPE|<!ENTITY"
    r"|<(?P<open>(?:[\w.-]+:)?(?:item|entry))(?=[\s/>])|</(?P<close>(?:[\w.-]+:)?(?:item|entry))\s*>"
)
# What no XML may hold: undecodable bytes, which are lone surrogates here, and NUL.
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")
_LOST = "\udcff"
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}
_SECTIONS = {opening: re.compile(f"{re.escape(opening)}|{re.escape(end)}") for opening, end in _ENDS.items()}
_LONGEST_MARK = 200
_NAMESPACE = re.compile(r"""\bxmlns(?::[\w.-]+)?\s*=\s*(?:"[^"<]*"|'[^'<]*')""")
_DECLARED = re.compile(r"""^<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


@dataclass(frozen=True)
class XmlItem:
    """One item: its ordinal from 1, the line it begins on, its element, or a reason word and what is wrong.

    A character that was damaged is a lone surrogate in the element's texts. `raw` is the beginning of a broken item.
    """

    number: int
    line: int
    element: ElementTree.Element | None
    broken: tuple[str, str] = ("", "")
    raw: str = ""


def items(feed: FeedFile) -> Iterator[XmlItem]:
    """Stream the `item` or `entry` elements of a feed, in bounded memory.

    Raises:
        FeedError: a document type declaration (a feed needs none, and entities come with it), an unknown encoding, or
            a document without any item.
        FeedIncomplete: after the items: the root element is not closed.
    """
    encoding = _encoding(feed)
    with feed.open_text(encoding) as file:
        stream = _Stream(file, text.root_name(text.head_text(feed.head(), encoding)))
        found = False
        for item in _cut(stream, feed):
            found = True
            yield item
    if not stream.ended:
        raise FeedIncomplete(f"{feed}: ends without </{stream.root}>: it is cut short, fetch it again.")
    if not found:
        raise FeedError(f"{feed}: no <item> or <entry> in this XML. A Google feed is RSS 2.0 or Atom.")


def _encoding(feed: FeedFile) -> str:
    """The encoding that was named, or declared; not a declared or assumed UTF-8 of which no line is that."""
    head = feed.head()
    found = feed.text_encoding()
    if feed.encoding or found.startswith("utf-16") or head.startswith(codecs.BOM_UTF8):
        return "utf-8" if found == "ascii" else found
    declared = _DECLARED.match(text.head_text(head).lstrip())
    name = declared[1] if declared else "utf-8"
    if not is_encoding(name):
        raise FeedError(f"{feed}: {name[:40]!r} is no text encoding. Save the feed as UTF-8.")
    known = codecs.lookup(name).name
    return found if known == "utf-8" and found not in ("ascii", "utf-8") else known


class _Stream:
    """The text in memory, from the place that still matters. `ended`: the root element was closed."""

    def __init__(self, file: TextIO, root: str) -> None:
        self._file = file
        self._again = ""
        self._again_from = 0
        self.text = file.read(_CHUNK).removeprefix("\ufeff")
        self.line = 1
        self.root = root or "rss"
        self.marks = re.compile(rf"{_MARKS}|</(?P<end>{re.escape(self.root)})\s*>")
        self.ended = False

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


def _cut(stream: _Stream, feed: FeedFile) -> Iterator[XmlItem]:
    namespaces: dict[str, str] = {}
    number = 0
    while (start := _next_item(stream, feed, namespaces, before_items=number == 0)) is not None:
        stream.drop(start)
        number += 1
        line = stream.line
        length, broken = _extent(stream)
        raw = stream.drop(length)
        yield (
            XmlItem(number, line, None, broken, raw[:_BEGINNING]) if broken else _parsed(raw, namespaces, number, line)
        )


def _next_item(stream: _Stream, feed: FeedFile, namespaces: dict[str, str], before_items: bool) -> int | None:
    """Return where the next item opens in the stream's text, which may have been dropped up to it; None at the end."""
    at = 0
    while True:
        mark = stream.marks.search(stream.text, at)
        if mark is None:
            # The last characters may be the beginning of a mark.
            _collect(stream.drop(max(at, len(stream.text) - _LONGEST_MARK)), namespaces, before_items)
            at = 0
            if not stream.more():
                return None
            continue
        if mark[0] in ("<!DOCTYPE", "<!ENTITY"):
            raise FeedError(
                f"{feed}:{stream.line + stream.text.count(chr(10), 0, mark.start())}: the XML has a document type "
                "declaration, which may expand without bounds and is not read. Export the feed without it."
            )
        if mark["open"]:
            _collect(stream.text[: mark.start()], namespaces, before_items)
            return mark.start()
        if mark["end"]:
            stream.ended = True
        if mark["close"] or mark["end"]:
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
        mark = stream.marks.search(stream.text, at)
        if mark is None:
            at = max(at, len(stream.text) - _LONGEST_MARK)
            if len(stream.text) >= ITEM_LIMIT:
                return at, ("item-too-long", f"the item has over {ITEM_LIMIT} characters, or does not end")
            if not stream.more():
                return len(stream.text), ("bad-xml", "the document ends in the middle of the item")
        elif mark["open"]:
            return mark.start(), ("bad-xml", "the item does not end before the next begins")
        elif mark["end"]:
            return mark.start(), ("bad-xml", "the item does not end before the document does")
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
    damaged = _IMPOSSIBLE.search(raw) is not None
    item = _IMPOSSIBLE.sub("\ufffd", raw) if damaged else raw
    try:
        declared = {"xmlns:g": 'xmlns:g="http://base.google.com/ns/1.0"', **namespaces}
        wrapped = ElementTree.fromstring(f"<feed {' '.join(declared.values())}>{item}</feed>")
    except ElementTree.ParseError as error:
        found = line + error.position[0] - 1
        message = f"line {found} is not XML: {expat.ErrorString(error.code)}"
        return XmlItem(number, line, None, ("bad-xml", message), raw[:_BEGINNING])
    if damaged:
        for element in wrapped.iter():
            element.text = element.text and element.text.replace("\ufffd", _LOST)
    return XmlItem(number, line, wrapped[0])
