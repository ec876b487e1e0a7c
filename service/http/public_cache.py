"""A cache of public responses in memory: a call on the evening news asks for the same few pages, over and over.

Only responses that say `Cache-Control: public` and set no cookie are kept, for as long as what they were made from is
live. Each gets an ETag, and a request that names it in If-None-Match is answered with 304 (RFC 9110, RFC 9111).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.accounts.access import COOKIE
from service.rendering.language import language_of

MAX_BYTES = 64_000_000
# A larger response, such as a poster with a large picture, is sent without being kept.
MAX_RESPONSE_BYTES = 4_000_000
# Headers that a 304 has to repeat, and those of ours that it may.
_NOT_IN_304 = frozenset({"content-length", "content-type", "content-disposition"})


@dataclass(frozen=True)
class _Response:
    """A complete response of the application, with its ETag among the headers."""

    start: Message
    body: bytes
    tag: str
    route: Any


class PublicCache:
    """Answers repeated requests for public pages from memory, of each state of the site once, however many ask at once.

    The state of the site is what `state` returns: when it changes, everything is discarded. Requests with a session or
    a token pass through.
    """

    def __init__(self, app: ASGIApp, state: Callable[[], Hashable], max_bytes: int = MAX_BYTES) -> None:
        self._app, self._current_state, self._max_bytes = app, state, max_bytes
        self._state: Hashable = None
        self._kept: OrderedDict[Hashable, _Response] = OrderedDict()
        self._bytes = 0
        self._pending: dict[Hashable, anyio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if "authorization" in request.headers or COOKIE in request.cookies:
            await self._app(scope, receive, send)
            return
        key = scope["scheme"], request.headers.get("host"), scope["path"], scope["query_string"], language_of(request)
        response = self._find(key)
        if response is None and key in self._pending:
            # The same page is being made for somebody else.
            await self._pending[key].wait()
            response = self._find(key)
        if response is None:
            await self._make(key, scope, receive, send)
            return
        scope["route"] = response.route
        await _send(response, request.headers, send)

    def _find(self, key: Hashable) -> _Response | None:
        if (state := self._current_state()) != self._state:
            self._kept.clear()
            self._state, self._bytes = state, 0
        response = self._kept.get(key)
        if response is not None:
            self._kept.move_to_end(key)
        return response

    async def _make(self, key: Hashable, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; keep its answer if it is public and nothing changed meanwhile."""
        state, start, body = self._state, None, bytearray()

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_public(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))

        done = self._pending.setdefault(key, anyio.Event())
        try:
            await self._app(scope, receive, collect)
            if start is not None:
                response = _tagged(start, bytes(body), scope.get("route"))
                self._keep(key, state, response)
        finally:
            self._pending.pop(key, None)
            done.set()
        if start is not None:
            await _send(response, Headers(scope=scope), send)

    def _keep(self, key: Hashable, state: Hashable, response: _Response) -> None:
        if len(response.body) > MAX_RESPONSE_BYTES or state != self._current_state() or state != self._state:
            return
        if (former := self._kept.pop(key, None)) is not None:
            self._bytes -= len(former.body)
        self._kept[key] = response
        self._bytes += len(response.body)
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)


def _is_public(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    public = headers.get("cache-control", "").startswith("public")
    return message["status"] == 200 and public and "set-cookie" not in headers


def _tagged(start: Message, body: bytes, route: Any) -> _Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    MutableHeaders(scope=start)["ETag"] = tag
    return _Response(start, body, tag, route)


async def _send(response: _Response, asked: Headers, send: Send) -> None:
    named = [tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")]
    # Copies, because other middleware adds its headers to what is sent.
    headers = list(response.start["headers"])
    if response.tag in named or named == ["*"]:
        headers = [(name, value) for name, value in headers if name.decode("latin-1").lower() not in _NOT_IN_304]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({**response.start, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
