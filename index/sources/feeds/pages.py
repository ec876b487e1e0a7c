"""Saved web pages: their own address and the JSON-LD in them, with lxml (the extra `feeds`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from index.sources.feeds import text
from index.sources.feeds.extras import load

PAGE_LIMIT = 16_777_216
_SCRIPT_LIMIT = 1_048_576
_SCRIPTS = 50
_CHUNK = 65_536
_CHARSET = re.compile(r"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
# The comment in which browsers note the address that a page was saved from.
_SAVED = re.compile(r"saved from url=\(\d+\)(https?://\S+)")


@dataclass
class Page:
    """A page's own address, the base of its relative links, and its JSON-LD scripts as written."""

    address: str = ""
    base: str = ""
    scripts: list[str] = field(default_factory=list)
    too_long: bool = False


def read_page(path: Path) -> Page:
    """Return the address and the scripts of an HTML file. No tree is built and nothing is fetched.

    `too_long` is set where the page or a script is over its limit and was not read to its end.
    Raises OSError, and FeedError where lxml is not installed.
    """
    etree = load("lxml.etree", f"{path}: a feed of web pages")
    head = text.read_head(path)
    collector = _Collector()
    parser = etree.HTMLParser(target=collector, no_network=True, huge_tree=False)
    read = 0
    with path.open(encoding=_encoding(head), errors="replace") as file:
        while chunk := file.read(_CHUNK):
            read += len(chunk)
            if read > PAGE_LIMIT:
                collector.page.too_long = True
                break
            parser.feed(chunk)
    if read:
        parser.close()
    return collector.page


def _encoding(head: bytes) -> str:
    found = text.encoding_of(head)
    if found != "cp1252":
        return "utf-8" if found == "ascii" else found
    declared = _CHARSET.search(head.decode("latin-1"))
    try:
        "".encode(declared[1] if declared else found)
    except LookupError:
        return found
    return declared[1] if declared else found


class _Collector:
    """Receives lxml's parse events."""

    def __init__(self) -> None:
        self.page = Page()
        self._script: list[str] | None = None
        self._length = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        page = self.page
        if tag == "script":
            kind = attributes.get("type", "").casefold().partition(";")[0].strip()
            if kind == "application/ld+json" and len(page.scripts) < _SCRIPTS:
                self._script, self._length = [], 0
        elif tag == "link" and "canonical" in attributes.get("rel", "").casefold().split():
            page.address = attributes.get("href", "") or page.address
        elif tag == "meta" and attributes.get("property", "").casefold() == "og:url":
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
