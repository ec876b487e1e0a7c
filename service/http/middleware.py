"""ASGI middleware for every request: request ids and logging, errors as problems, safe headers, allowed hosts."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app.metrics import Metrics
from service.app.stopping import Stopping
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
    """Gives each request a random UUID, logs and counts it when it ends, and answers unhandled errors as problems.

    The log has the route pattern (not the URL, which may quote a query), the status and the duration; never a client's
    address, a file name, a picture or a query's text.
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

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except ClientDisconnect:
            LOG.info("client left", extra={"request": request_id})
        except Exception:
            LOG.exception("request failed", extra={"request": request_id})
            if status:
                raise
            await response(internal(), request_id)(scope, receive, note_status)
        finally:
            route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - started
            self._metrics.request(scope["method"], route, status, seconds)
            fields = {
                "request": request_id,
                "method": scope["method"],
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 1),
            }
            LOG.info("request", extra=fields)


class SafeHeaders:
    """Adds security headers to every response; headers that the response sets itself are kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                # The older header knows no list of sites that may frame a page.
                if "frame-ancestors 'none'" not in headers["Content-Security-Policy"]:
                    del headers["X-Frame-Options"]
            await send(message)

        await self._app(scope, receive, add_headers)


class LastResponses:
    """Closes each connection after its response while the server is about to stop, so that none is cut later."""

    def __init__(self, app: ASGIApp, stopping: Stopping) -> None:
        self._app, self._stopping = app, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add_header(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stopping.now:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, add_header)


class HeadAsGet:
    """Answers HEAD like GET without the body, as RFC 9110 requires."""

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
    """Refuses requests for other host names than those given.

    It protects a server without sign-in on loopback from DNS rebinding: a web page in a browser of the same machine
    could otherwise reach it through a domain whose owner resolves it to 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host_name(Headers(scope=scope).get("host", "")) not in self._hosts:
            problem = Problem(UNKNOWN_HOST, f"this server is called {', '.join(sorted(self._hosts))}")
            await response(problem, scope["state"]["request_id"])(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host_name(host: str) -> str:
    """A Host header without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
