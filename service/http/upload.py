"""An upload, multipart/form-data (RFC 7578), read as it comes and kept in memory: no query picture reaches the disk.

Not by FastAPI's form models: those read before rights are checked, bound neither a file's bytes nor the time nor all
uploads together, write files over 1 MB to the disk, and take a form that breaks off.
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
from service.app.limits import ReservedBytes
from service.app.limits import ServerLimits as Limits
from service.app.uploaded_form import PICTURE, Upload
from service.problems import IMAGE_REFUSED, INVALID, MALFORMED, NOT_MULTIPART, TOO_LARGE, TOO_SLOW, Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# A refusal in the middle of an upload leaves bytes unread: the connection cannot serve another request.
_CLOSE = {"Connection": "close"}
# What is refused is read on at this rate, in bytes: whoever floods must not take the processor from those who search.
_DRAINED_A_SECOND = 20_000_000


@asynccontextmanager
async def upload_of(request: Request, limits: Limits, held: ReservedBytes) -> AsyncIterator[Upload]:
    """Read a request's form; its bytes are on the server's account until the context ends.

    Raises:
        Problem: it is no multipart form, is malformed, too large, too slow, or the server holds too much already.
    """
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data":
        told = content_type.decode("latin-1") or "no content type"
        raise Problem(NOT_MULTIPART, f"send multipart/form-data, not {told}", headers=_CLOSE)
    length = request.headers.get("content-length", "")
    too_large = length.isdecimal() and int(length) > limits.body_bytes
    if too_large and "expect" in request.headers:
        # It waits for "100 Continue": it is told before it sends a byte.
        raise _too_large(limits)
    body, parts = _Body(request), _Parts(limits)
    try:
        if too_large:
            raise _too_large(limits)
        with held.reservation() as take:
            await _receive(body, options.get(b"boundary", b""), parts, limits, take)
            yield parts.upload()
    except Problem as problem:
        parts.forget()
        if problem.kind is not TOO_SLOW:
            await body.drain(limits)
        raise


async def form_of(request: Request, limits: Limits, held: ReservedBytes, known: Sequence[str]) -> dict[str, str]:
    """The fields of a form; those that are empty are left out.

    Raises:
        Problem: it cannot be read.
        QueryInvalid: a field is not known, or given twice.
    """
    async with upload_of(request, limits, held) as upload:
        return upload.told(known)


class _Body:
    """The body of a request as it comes."""

    def __init__(self, request: Request) -> None:
        self._receive, self._ended = request.receive, False

    async def chunks(self) -> AsyncIterator[bytes]:
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._ended = not message.get("more_body", False)
            yield message.get("body", b"")

    async def drain(self, limits: Limits) -> None:
        """Read on without keeping anything: a connection closed on unread bytes is reset, and the answer with it."""
        left = 2 * limits.body_bytes
        try:
            async with asyncio.timeout(limits.drain_seconds):
                async for chunk in self.chunks():
                    left -= len(chunk)
                    if left < 0:
                        return
                    await asyncio.sleep(len(chunk) / _DRAINED_A_SECOND)
        except TimeoutError:
            return


async def _receive(body: _Body, boundary: bytes, parts: _Parts, limits: Limits, take: Callable[[int], None]) -> None:
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
                take(len(chunk))
                parser.write(chunk)
        parser.finalize()
    except TimeoutError:
        told = f"the upload was not complete after {limits.upload_seconds:g} s"
        raise Problem(TOO_SLOW, told, headers=_CLOSE) from None
    except FormParserError as error:
        raise Problem(MALFORMED, f"the multipart form cannot be read: {error}", headers=_CLOSE) from error


def _too_large(limits: Limits) -> Problem:
    return Problem(TOO_LARGE, f"at most {limits.body_bytes} bytes are taken in one request", headers=_CLOSE)


@dataclass
class _Part:
    disposition: bytes = b""
    name: str = ""
    data: bytearray = field(default_factory=bytearray)


class _Parts:
    """Collects what the parser finds, and refuses what is too much as soon as it shows."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts: list[_Part] = []
        self._header_name, self._header_value = bytearray(), bytearray()
        self._complete = False

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field_of_header,
            "on_header_value": self._value_of_header,
            "on_header_end": self._header,
            "on_headers_finished": self._name,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def upload(self) -> Upload:
        """The pictures and fields of a complete form.

        Raises:
            Problem: the form broke off, or a field is not UTF-8.
        """
        if not self._complete:
            raise Problem(MALFORMED, "the multipart form ends before its last boundary", headers=_CLOSE)
        pictures = tuple(_taken(part) for part in self._parts if part.name == PICTURE)
        return Upload(pictures, tuple((part.name, _text(part)) for part in self._parts if part.name != PICTURE))

    def forget(self) -> None:
        """Let go of what has come; the error under way would keep it until it is told."""
        self._parts.clear()

    def _begin(self) -> None:
        if len(self._parts) >= self._limits.parts:
            raise Problem(INVALID, f"more than {self._limits.parts} parts in one form", headers=_CLOSE)
        self._parts.append(_Part())

    def _field_of_header(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _value_of_header(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._parts[-1].disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _name(self) -> None:
        kind, options = parse_options_header(self._parts[-1].disposition)
        if kind != b"form-data" or b"name" not in options:
            raise Problem(MALFORMED, 'a part has no Content-Disposition: form-data; name="..."', headers=_CLOSE)
        # A name that is not UTF-8 cannot be one of those known, and is refused as unknown.
        self._parts[-1].name = options[b"name"].decode("utf-8", "replace")
        if sum(part.name == PICTURE for part in self._parts) > MAX_IMAGES:
            raise Problem(INVALID, f"at most {MAX_IMAGES} pictures of one object are taken together", headers=_CLOSE)

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._parts[-1]
        size = len(part.data) + end - start
        if part.name == PICTURE and size > self._limits.image_bytes:
            number = sum(other.name == PICTURE for other in self._parts)
            told = f"picture {number} has more than {self._limits.image_bytes} bytes: save it smaller, as JPEG"
            members = {"reason": "too_large_bytes", "image": number}
            raise Problem(IMAGE_REFUSED, told, status=TOO_LARGE.status, headers=_CLOSE, **members)
        if part.name != PICTURE and size > self._limits.field_bytes:
            told = f"a field has more than {self._limits.field_bytes} bytes"
            raise Problem(TOO_LARGE, told, headers=_CLOSE)
        part.data += data[start:end]

    def _end(self) -> None:
        self._complete = True


def _taken(part: _Part) -> bytes:
    """A part's bytes, which it then holds no longer: no two copies of an upload are in memory."""
    data = bytes(part.data)
    part.data = bytearray()
    return data


def _text(part: _Part) -> str:
    try:
        return part.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(MALFORMED, f"the field {part.name!r} is not UTF-8 text") from error
