"""One sitemap read: an index of others, or pages, with the day each was last changed.

Protocol: https://www.sitemaps.org/protocol.html. Libraries exist (ultimate-sitemap-parser, trafilatura), but they fetch
by themselves, keep no validators, and build whole trees; read from bytes, a sitemap is two kinds of element.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from urllib.parse import urljoin

from index.errors import FeedError
from index.sources.feeds import text
from index.sources.feeds.extras import load
from index.sources.fetching.outcomes import Failure, shown
from index.sources.web.client import DOCUMENT_BYTES, Document, WebClient, origin_of
from index.sources.web.documents import KeptDocuments

MOST_ENTRIES = 50_000
"""The protocol's own limit for one sitemap."""

_USUAL = ("/sitemap.xml", "/sitemap_index.xml")
_ZLIB_WINDOW = 47


@dataclass(frozen=True)
class Sitemap:
    """`links`: the address and the lastmod, as written, of each entry; `is_index`: they lead to sitemaps."""

    is_index: bool
    links: tuple[tuple[str, str], ...]
    cut: bool = False


def is_sitemap(head: bytes) -> bool:
    """Whether a document begins as a sitemap does."""
    return text.root_element(text.head_text(head)) in ("urlset", "sitemapindex")


def sitemaps_of(url: str, client: WebClient, documents: KeptDocuments | None = None) -> list[str]:
    """The sitemaps of a site: those in its robots.txt, or else the first usual place where one lies.

    Raises:
        Failure: the site cannot be asked.
    """
    origin = origin_of(url)
    named = [urljoin(f"{origin}/", one) for one in client.rules(url).sitemaps]
    if named:
        return list(dict.fromkeys(named))
    for place in _USUAL:
        try:
            found = documents.get(origin + place) if documents else client.get(origin + place)
        except Failure as failure:
            if failure.transient:
                raise
            continue
        if isinstance(found, Document) and is_sitemap(unpacked(found)[:4096]):
            return [origin + place]
    return []


def parse(document: Document) -> Sitemap:
    """Read a sitemap in XML, packed or not, or in plain text with an address a line.

    Raises:
        FeedError: it is none, or unpacks to more than DOCUMENT_BYTES.
    """
    data = unpacked(document)
    head = data[:4096]
    if is_sitemap(head):
        return _of_xml(data, document.url)
    lines = data.decode("utf-8", "replace").split() if text.root_element(text.head_text(head)) == "" else []
    if not lines or not all(line.startswith(("http://", "https://")) for line in lines[:10]):
        raise FeedError(f"{shown(document.url)}: is no sitemap.")
    return Sitemap(False, tuple((line, "") for line in lines[:MOST_ENTRIES]), len(lines) > MOST_ENTRIES)


def unpacked(document: Document) -> bytes:
    """A document's bytes, unpacked where they are gzip. Raises FeedError."""
    if not document.data.startswith(b"\x1f\x8b"):
        return document.data
    unpacker = zlib.decompressobj(_ZLIB_WINDOW)
    try:
        data = unpacker.decompress(document.data, DOCUMENT_BYTES)
    except zlib.error:
        raise FeedError(f"{shown(document.url)}: its compressed content is damaged.") from None
    if unpacker.unconsumed_tail:
        raise FeedError(f"{shown(document.url)}: unpacks to more than {DOCUMENT_BYTES:,} bytes: this is no sitemap.")
    if not unpacker.eof:
        raise FeedError(f"{shown(document.url)}: its compressed content is cut short.")
    return data


def _of_xml(data: bytes, url: str) -> Sitemap:
    etree = load("lxml.etree", f"{url}: a sitemap")
    links: list[tuple[str, str]] = []
    is_index = False
    events = etree.iterparse(
        io.BytesIO(data), events=("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        for _, element in events:
            if not isinstance(element.tag, str):
                continue
            name = element.tag.rpartition("}")[2]
            if name in ("url", "sitemap"):
                is_index = is_index or name == "sitemap"
                cells = {
                    child.tag.rpartition("}")[2]: (child.text or "").strip()
                    for child in element
                    if isinstance(child.tag, str)
                }
                if cells.get("loc"):
                    links.append((urljoin(url, cells["loc"]), cells.get("lastmod", "")[:64]))
                element.clear()
                if len(links) > MOST_ENTRIES:
                    return Sitemap(is_index, tuple(links[:MOST_ENTRIES]), True)
    except (etree.XMLSyntaxError, ValueError) as error:
        # One that is cut in the middle lists pages that are missing behind the cut: nothing may be taken from that.
        raise FeedError(f"{shown(url)}: the sitemap ends in the middle or is no XML: {error}") from None
    return Sitemap(is_index, tuple(links))
