"""Uploads as multipart/form-data (RFC 7578), parsed as they arrive and kept in memory: no picture reaches the disk.

FastAPI's form models are not used: they read the body before access is checked, limit neither a file's size, nor the
duration, nor all uploads together, write files over 1 MB to the disk, and accept a truncated form.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from index.search.answer import MAX_IMAGES
from service.app.limits import ReservedBytes, ServerLimits
from service.app.uploaded_form import PICTURE, Upload
from service.problems import IMAGE_REFUSED, INVALID, MALFORMED, NOT_MULTIPART, TOO_LARGE, TOO_SLOW, Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# A refusal in the middle of an upload leaves unread bytes, so the connection cannot be used for another request.
_CLOSE = {"Connection": "close"}
# Bytes per second at which the rest of a refused upload is read, so that a flood does not take the processor.
_DRAIN_RATE = 20_000_000


@asynccontextmanager
async def upload_of(request: Request, limits: ServerLimits, reserved_bytes: ReservedBytes) -> AsyncIterator[Upload]:
    """Read a request's form; its bytes stay reserved until the context ends.

    Raises:
        Problem: it is no multipart form, malformed, too large or too slow, or the uploads in memory are too many.
    """
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data":
        given = content_type.decode("latin-1") or "no content type"
        raise Problem(NOT_MULTIPART, f"send multipart/form-data, not {given}", headers=_CLOSE)
    length = request.headers.get("content-length", "")
    too_large = length.isdecimal() and int(length) > limits.body_bytes
    if too_large and "expect" in request.headers:
        # The client waits for "100 Continue", so it is refused before it sends the body.
        raise _too_large(limits)
    body, parts = _RequestBody(request), _Parts(limits)
    try:
        if too_large:
            raise _too_large(limits)
        with reserved_bytes.reservation() as reserve:
            await _receive(body, options.get(b"boundary", b""), parts, limits, reserve)
            yield parts.upload()
    except Problem as problem:
        parts.clear()
        if problem.kind is not TOO_SLOW:
            await body.drain(limits)
        raise


async def form_of(
    request: Request, limits: ServerLimits, reserved_bytes: ReservedBytes, known: Sequence[str]
) -> dict[str, str]:
    """The fields of a form; empty ones are left out.

    Raises:
        Problem: the form cannot be read.
        QueryInvalid: a field is unknown, or given twice.
    """
    async with upload_of(request, limits, reserved_bytes) as upload:
        return upload.fields_by_name(known)


class _RequestBody:
    """The body of a request, read chunk by chunk."""

    def __init__(self, request: Request) -> None:
        self._receive, self._ended = request.receive, False

    async def chunks(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._ended = not message.get("more_body", False)
            yield message.get("body", b"")

    async def drain(self, limits: ServerLimits) -> None:
        """Read and discard the rest: a connection that is closed with unread bytes is reset, and the response lost."""
        left = 2 * limits.body_bytes
        try:
            async with asyncio.timeout(limits.drain_seconds):
                async for chunk in self.chunks():
                    left -= len(chunk)
                    if left < 0:
                        return
                    await asyncio.sleep(len(chunk) / _DRAIN_RATE)
        except TimeoutError:
            return


async def _receive(
    body: _RequestBody, boundary: bytes, parts: _Parts, limits: ServerLimits, reserve: Callable[[int], None]
) -> None:
    """Parse a body into `parts`, reserving its bytes. Raises Problem where it is malformed, too large or too slow."""
    if not boundary:
        raise Problem(MALFORMED, "the Content-Type names no boundary", headers=_CLOSE)
    received = 0
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async with asyncio.timeout(limits.upload_seconds):
            async for chunk in body.chunks():
                received += len(chunk)
                if received > limits.body_bytes:
                    raise _too_large(limits)
                reserve(len(chunk))
                parser.write(chunk)
        parser.finalize()
    except TimeoutError:
        detail = f"the upload was not complete after {limits.upload_seconds:g} s"
        raise Problem(TOO_SLOW, detail, headers=_CLOSE) from None
    except FormParserError as error:
        raise Problem(MALFORMED, f"the multipart form cannot be read: {error}", headers=_CLOSE) from error


def _too_large(limits: ServerLimits) -> Problem:
    return Problem(TOO_LARGE, f"at most {limits.body_bytes} bytes are taken in one request", headers=_CLOSE)


@dataclass
class _Part:
    disposition: bytes = b""
    name: str = ""
    data: bytearray = field(default_factory=bytearray)


class _Parts:
    """Collects the parts that the parser finds, and refuses those beyond the limits as soon as possible."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._parts: list[_Part] = []
        self._header_name, self._header_value = bytearray(), bytearray()
        self._complete = False

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value_data,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def upload(self) -> Upload:
        """The pictures and fields of a complete form.

        Raises:
            Problem: the form is incomplete, or a field is not UTF-8.
        """
        if not self._complete:
            raise Problem(MALFORMED, "the multipart form ends before its last boundary", headers=_CLOSE)
        pictures = tuple(_take_data(part) for part in self._parts if part.name == PICTURE)
        return Upload(pictures, tuple((part.name, _text(part)) for part in self._parts if part.name != PICTURE))

    def clear(self) -> None:
        """Free the data received so far, which the exception's traceback would otherwise keep in memory."""
        self._parts.clear()

    def _begin(self) -> None:
        if len(self._parts) >= self._limits.parts:
            raise Problem(INVALID, f"more than {self._limits.parts} parts in one form", headers=_CLOSE)
        self._parts.append(_Part())

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_data(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._parts[-1].disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(self._parts[-1].disposition)
        if kind != b"form-data" or b"name" not in options:
            raise Problem(MALFORMED, 'a part has no Content-Disposition: form-data; name="..."', headers=_CLOSE)
        # A name that is not UTF-8 cannot be a known field, and is refused later as unknown.
        self._parts[-1].name = options[b"name"].decode("utf-8", "replace")
        if sum(part.name == PICTURE for part in self._parts) > MAX_IMAGES:
            raise Problem(INVALID, f"at most {MAX_IMAGES} pictures of one object are taken together", headers=_CLOSE)

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        size = len(part.data) + end - start
        if part.name == PICTURE and size > self._limits.image_bytes:
            number = sum(other.name == PICTURE for other in self._parts)
            detail = f"picture {number} has more than {self._limits.image_bytes} bytes: save it smaller, as JPEG"
            members = {"reason": "too_large_bytes", "image": number}
            raise Problem(IMAGE_REFUSED, detail, status=TOO_LARGE.status, headers=_CLOSE, **members)
        if part.name != PICTURE and size > self._limits.field_bytes:
            detail = f"a field has more than {self._limits.field_bytes} bytes"
            raise Problem(TOO_LARGE, detail, headers=_CLOSE)
        part.data += data[start:end]

    def _end(self) -> None:
        self._complete = True


def _take_data(part: _Part) -> bytes:
    """A part's bytes, removed from it, so that an upload is not in memory twice."""
    data = bytes(part.data)
    part.data = bytearray()
    return data


def _text(part: _Part) -> str:
    try:
        return part.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(MALFORMED, f"the field {part.name!r} is not UTF-8 text") from error
