"""The products that a page shows, by the reader of schema.org data, and what the page says of its use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from index.errors import FeedError
from index.records.feed_records import FeedRow
from index.records.pages import PageStatus
from index.sources.feeds.extras import load
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.schemaorg import SchemaOrgReader
from index.sources.fetching.outcomes import shown
from index.sources.fetching.reservations import reserved_by_header
from index.sources.fetching.robots import opted_out
from index.sources.web.client import Document

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)
_DISCONTINUED = re.compile(
    rb"schema\.org/Discontinued\b|[\"']availability[\"']\s*:\s*[\"']Discontinued\b", re.IGNORECASE
)
_META_BYTES = 1_000_000


@dataclass(frozen=True)
class PageFindings:
    """`rows`: the products as JSON, a list of objects with columns as names.

    `why`: what forbids such use of a reserved page, what is wrong with a failed one.
    """

    status: PageStatus
    rows: str = "[]"
    why: str = ""


def findings(document: Document, token: str, scratch: Path, encoding: str = "") -> PageFindings:
    """What a page shows.

    Args:
        token: this crawler's name, which reservations may address.
        scratch: a file that may be overwritten.
        encoding: of the page, where it was named.
    """
    if tag := reserved_by_meta(document.data, token):
        return PageFindings(PageStatus.RESERVED, why=tag)
    # As a browser saves a page, with the address it had: relative links are completed from it.
    address = document.url.replace("--", "%2D%2D")
    saved = f"<!-- saved from url=({len(address):04d}){address} -->\n".encode("ascii", "replace")
    scratch.write_bytes(saved + _as_utf8(document, encoding))
    try:
        found = list(SchemaOrgReader().rows(FeedFile(scratch)))
    except FeedError as error:
        return PageFindings(PageStatus.FAILED, why=str(error).replace(str(scratch), shown(document.url)))
    rows = [_row(row, document.url) for row in found if isinstance(row, FeedRow)]
    if rows and _DISCONTINUED.search(document.data) and len(rows) == 1:
        return PageFindings(PageStatus.DISCONTINUED)
    return PageFindings(PageStatus.PRODUCT if rows else PageStatus.NO_PRODUCT, json.dumps(rows))


def reserved_by_meta(data: bytes, token: str) -> str:
    """The reservation in a page's meta elements that holds for this crawler: "noai", "tdm-reservation", or none."""
    etree = load("lxml.etree", "a page of a shop")
    collector = _Metas()
    parser = etree.HTMLParser(target=collector, no_network=True, huge_tree=False)
    parser.feed(data[:_META_BYTES].decode("utf-8", "replace"))
    parser.close()
    for name, content in collector.found:
        if name in ("robots", token.casefold()) and (tag := opted_out([content], token)):
            return tag
        if name == "tdm-reservation" and reserved_by_header(content):
            return name
    return ""


class _Metas:
    """Receives lxml's parse events, keeps the meta elements."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "meta" and len(self.found) < 500:
            self.found.append((attributes.get("name", "").strip().casefold(), attributes.get("content", "")))

    def close(self) -> None:
        """Return nothing: everything is in `found`."""


def _as_utf8(document: Document, encoding: str) -> bytes:
    """The page as UTF-8 where its encoding was named or the server tells it; otherwise as it is, for the reader to
    find out."""
    declared = _CHARSET.search(document.headers.get("content-type", ""))
    encoding = encoding or (declared[1] if declared else "")
    if not encoding:
        return document.data
    try:
        return b"<meta charset='utf-8'>" + document.data.decode(encoding, "replace").encode()
    except (LookupError, UnicodeError):
        return document.data


def _row(row: FeedRow, url: str) -> dict[str, object]:
    fields = {name: value for name, value in row.fields.items() if value}
    return {**fields, "source_page": url, "image_link": list(row.pictures)}
