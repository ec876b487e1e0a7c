"""What holds for every request, whatever it asks: a name for the log, no stack trace, safe headers, a known host."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app.metrics import Metrics
from service.problems import UNKNOWN_HOST, Problem, internal, response

LOG = logging.getLogger(__name__)

_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class RequestLog:
    """Names each request by a random UUID, logs and counts it when it ends, and answers a fault of ours as a problem.

    Logged are the route (not the address, which may quote a query), the status and the time taken; nobody's address,
    no file name, no picture, no words.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            LOG.info("client left", extra={"request": request_id})
        except Exception:
            LOG.exception("request failed", extra={"request": request_id})
            if status:
                raise
            await response(internal(), request_id)(scope, receive, noting)
        finally:
            route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - started
            self._metrics.request(scope["method"], route, status, seconds)
            told = {
                "request": request_id,
                "method": scope["method"],
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 1),
            }
            LOG.info("request", extra=told)


class SafeHeaders:
    """Gives every answer the headers that tell a browser to be careful; what an answer sets itself stands."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, safely)


class HeadAsGet:
    """Answers HEAD wherever GET is answered, as RFC 9110 asks: the same headers, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class KnownHosts:
    """Refuses requests for other host names than its own.

    An open server on loopback is else within reach of any page in a browser on the same machine, by a name that its
    owner points to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host_name(Headers(scope=scope).get("host", "")) not in self._hosts:
            problem = Problem(UNKNOWN_HOST, f"this server goes by {', '.join(sorted(self._hosts))}")
            await response(problem, scope["state"]["request_id"])(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host_name(host: str) -> str:
    """A Host header without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
