"""A response's body, read within a bound, whatever the server says about its length or packing."""

from __future__ import annotations

import zlib

import anyio
import httpx

from index.sources.fetching.outcomes import Failure, Reason, shown

# Identity is asked for; these come all the same from servers that pack everything. 47: gzip or zlib, by its header.
_ZLIB_WINDOW = 47
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_DRAINED_BYTES = 65_536
_DRAINED_SECONDS = 1.0


async def read_body(response: httpx.Response, limit: int, *, cut: bool = False) -> bytes:
    """The body, at most `limit` bytes as sent and after unpacking; with `cut` the beginning of a longer one.

    Raises:
        Failure: longer than `limit`, packed in a way that was not asked for, or packed wrongly.
    """
    length = response.headers.get("content-length", "")
    if not cut and length.isdecimal() and int(length) > limit:
        raise _too_large(response, limit)
    unpack = _unpacker(response)
    data = bytearray()
    sent = 0
    async for chunk in response.aiter_raw():
        sent += len(chunk)
        try:
            if unpack is None:
                data += chunk
            elif not unpack.eof:
                data += unpack.decompress(chunk, limit + 1 - len(data))
        except zlib.error:
            raise Failure(
                Reason.ANSWER_BROKEN,
                f"{shown(str(response.url))}: its {response.headers['content-encoding']} is broken",
            ) from None
        if len(data) > limit or sent > limit:
            if not cut:
                raise _too_large(response, limit)
            return bytes(memoryview(data)[:limit])
    if unpack and not unpack.eof and not cut:
        raise Failure(Reason.ANSWER_BROKEN, f"{shown(str(response.url))}: its packed content is cut short", again=True)
    return bytes(data)


async def drain(response: httpx.Response) -> None:
    """Read the rest of a small body that nobody wants, so that its connection can serve the next request."""
    sent = 0
    with anyio.move_on_after(_DRAINED_SECONDS):
        async for chunk in response.aiter_raw():
            sent += len(chunk)
            if sent > _DRAINED_BYTES:
                break


def _unpacker(response: httpx.Response) -> zlib._Decompress | None:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in _PACKED:
        return zlib.decompressobj(_ZLIB_WINDOW)
    raise Failure(
        Reason.ENCODING_REFUSED,
        f"{shown(str(response.url))}: sent as {shown(encoding)!r} though plain bytes were asked for",
    )


def _too_large(response: httpx.Response, limit: int) -> Failure:
    return Failure(
        Reason.TOO_LARGE, f"{shown(str(response.url))}: more than {limit:,} bytes; raise the limit to take it"
    )
