"""The beginning of what a URL has, without loading the rest."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from index.sources.feeds.feed_file import HEAD_BYTES
from index.sources.fetching.answers import Redirect, redirect_of
from index.sources.fetching.body import drain
from index.sources.web.client import WebClient
from index.sources.web.download import FILE

BEGINNING = 20_000_000
"""The most of a feed that is loaded for a preview."""

_SECONDS = 60.0
_ZLIB_WINDOW = 47


@dataclass(frozen=True)
class Probe:
    """Where the document was found, and its first bytes."""

    url: str
    head: bytes


def probe(client: WebClient, url: str) -> Probe:
    """Ask for a document and read HEAD_BYTES of it.

    Raises:
        Failure: it cannot be had.
    """
    found = _beginning(client, url, HEAD_BYTES)
    return Probe(found.url, _unpacked(found.head))


def load_beginning(client: WebClient, url: str, folder: Path) -> tuple[Path, bool]:
    """Load a feed, or the first BEGINNING bytes of it, into a folder; whether it was cut there.

    Raises:
        Failure: it cannot be had.
    """
    found = _beginning(client, url, BEGINNING + 1)
    path = folder / FILE
    path.write_bytes(found.head[:BEGINNING])
    return path, len(found.head) > BEGINNING


def _beginning(client: WebClient, url: str, most: int) -> Probe:
    """At most so many bytes of a document, as they are sent."""

    async def read(response: httpx.Response) -> Probe | Redirect:
        if redirect := await redirect_of(response):
            return redirect
        client.check(response)
        if response.status_code != 200:
            await drain(response)
            raise client.refused(response)
        head = bytearray()
        async for chunk in response.aiter_raw():
            head += chunk
            if len(head) >= most:
                break
        client.loaded += len(head)
        return Probe(str(response.url), bytes(head[:most]))

    return client.run(url, _SECONDS, read, _accept)


def _accept() -> Mapping[str, str]:
    return {"Accept": "*/*"}


def _unpacked(head: bytes) -> bytes:
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(_ZLIB_WINDOW).decompress(head, HEAD_BYTES)
    except zlib.error:
        return head
