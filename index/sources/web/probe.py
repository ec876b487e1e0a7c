"""The beginning of what lies under a URL, without loading the rest."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from index.sources.feeds.feed_file import HEAD_BYTES
from index.sources.fetching.answers import Redirect, redirect_of
from index.sources.fetching.body import drain
from index.sources.web.client import WebClient

_SECONDS = 60.0
_ZLIB_WINDOW = 47


@dataclass(frozen=True)
class Probe:
    """Where the document was found, and its first bytes, unpacked where they are gzip."""

    url: str
    head: bytes


def probe(client: WebClient, url: str) -> Probe:
    """Ask for a document and read HEAD_BYTES of it.

    Raises:
        Failure: it cannot be had.
    """

    async def read(response: httpx.Response) -> Probe | Redirect:
        if redirect := await redirect_of(response):
            return redirect
        client.check(response)
        if response.status_code != 200:
            await drain(response)
            raise client.refused(response)
        head = b""
        async for chunk in response.aiter_raw():
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        client.loaded += len(head)
        return Probe(str(response.url), _unpacked(head[:HEAD_BYTES]))

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
