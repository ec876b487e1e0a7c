"""Saved web pages: their own address and the structured data in them, with lxml (the extra `feeds`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from index.sources.feeds import text
from index.sources.feeds.encodings import is_encoding
from index.sources.feeds.extras import load
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.page_ending import PageEnding

PAGE_LIMIT = 16_777_216
_SCRIPT_LIMIT = 1_048_576
_SCRIPTS = 50
_PROPERTIES = 500
_CHUNK = 65_536
_CHARSET = re.compile(r"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
# The comment in which browsers note the address that a page was saved from.
_SAVED = re.compile(r"saved from url=\(\d+\)(https?://\S+)")


@dataclass
class Page:
    """A page's own address, the base of its relative links, and its structured data.

    Attributes:
        scripts: JSON-LD as written.
        properties: the names and contents of its meta elements, which Open Graph uses.
        has_items: it has microdata.
        too_long: the page or a script is over its limit and was not read to its end.
        whole: it ends as a page does, and not in the middle.
    """

    address: str = ""
    base: str = ""
    scripts: list[str] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)
    has_items: bool = False
    too_long: bool = False
    whole: bool = False


def read_page(feed: FeedFile) -> Page:
    """Return the address and the structured data of an HTML file. No tree is built and nothing is fetched.

    Raises:
        FeedError: it cannot be read, or lxml is not installed.
    """
    etree = load("lxml.etree", f"{feed}: a feed of web pages")
    collector, ending = _Collector(), PageEnding()
    parser = etree.HTMLParser(target=collector, no_network=True, huge_tree=False)
    read = 0
    with feed.open_text(_encoding(feed)) as file:
        while chunk := file.read(_CHUNK):
            read += len(chunk)
            if read > PAGE_LIMIT:
                collector.page.too_long = True
                break
            chunk = text.SURROGATE.sub("\ufffd", chunk)
            ending.take(chunk)
            parser.feed(chunk)
    if read:
        parser.close()
    collector.page.whole = ending.is_whole()
    return collector.page


def read_text(feed: FeedFile) -> str:
    """The text of an HTML file up to PAGE_LIMIT. Raises FeedError."""
    with feed.open_text(_encoding(feed)) as file:
        return text.SURROGATE.sub("\ufffd", file.read(PAGE_LIMIT))


def _encoding(feed: FeedFile) -> str:
    found = feed.text_encoding()
    if feed.encoding or found.startswith("utf"):
        return found
    declared = _CHARSET.search(feed.head().decode("latin-1"))
    if found == "ascii":
        # What follows the head decides, where nothing is declared.
        return declared[1] if declared and is_encoding(declared[1]) else "utf-8"
    return declared[1] if declared and is_encoding(declared[1]) and declared[1].casefold() != "utf-8" else found


class _Collector:
    """Receives lxml's parse events."""

    def __init__(self) -> None:
        self.page = Page()
        self._script: list[str] | None = None
        self._length = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        page = self.page
        page.has_items = page.has_items or "itemtype" in attributes
        if tag == "script":
            kind = attributes.get("type", "").casefold().partition(";")[0].strip()
            if kind == "application/ld+json" and len(page.scripts) < _SCRIPTS:
                self._script, self._length = [], 0
        elif tag == "link" and "canonical" in attributes.get("rel", "").casefold().split():
            page.address = attributes.get("href", "") or page.address
        elif tag == "meta":
            name = (attributes.get("property") or attributes.get("name") or "").casefold()
            if len(page.properties) < _PROPERTIES and "content" in attributes:
                page.properties.append((name, attributes["content"]))
            if name == "og:url":
                page.address = page.address or attributes.get("content", "")
        elif tag == "base":
            page.base = page.base or attributes.get("href", "")

    def data(self, data: str) -> None:
        if self._script is None:
            return
        self._length += len(data)
        if self._length > _SCRIPT_LIMIT:
            self.page.too_long = True
            self._script = None
        else:
            self._script.append(data)

    def end(self, tag: str) -> None:
        if tag == "script" and self._script is not None:
            self.page.scripts.append("".join(self._script))
            self._script = None

    def comment(self, comment: str) -> None:
        saved = _SAVED.search(comment[:4000])
        if saved:
            self.page.address = self.page.address or saved[1]

    def close(self) -> None:
        """Return nothing: everything is in `page`."""
