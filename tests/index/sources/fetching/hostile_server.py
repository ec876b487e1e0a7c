"""A web server on loopback that misbehaves as its routes define, and records the requests."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType

Headers = Mapping[str, str]


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came: path with query, headers by lower-case name, monotonic time, number of its connection."""

    path: str
    headers: Headers
    at: float
    connection: int


Route = Callable[[socket.socket, ReceivedRequest], bool]
"""Answers on the socket; returns whether the connection may serve another request."""


def answer(status: int = 200, body: bytes = b"", headers: Headers | None = None) -> Route:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if "Content-Length" not in (headers or {}) and status != 304:
        lines.append(f"Content-Length: {len(body)}")
    return raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, keep=True)


def raw(data: bytes, *, keep: bool = False) -> Route:
    """Exactly these bytes, and then the end of the connection unless it is kept."""

    def route(connection: socket.socket, request: ReceivedRequest) -> bool:
        connection.sendall(data)
        return keep

    return route


def in_turn(*routes: Route) -> Route:
    """The first route for the first request, and so on; the last for all that follow."""
    lock = threading.Lock()
    left = list(routes)

    def route(connection: socket.socket, request: ReceivedRequest) -> bool:
        with lock:
            current = left.pop(0) if len(left) > 1 else left[0]
        return current(connection, request)

    return route


def redirect(location: str, status: int = 302) -> Route:
    return answer(status, headers={"Location": location})


class Counting:
    """The same route after a pause, counting how many requests are in that pause together."""

    def __init__(self, route: Route, seconds: float) -> None:
        self.most = 0
        self._route = route
        self._seconds = seconds
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket, request: ReceivedRequest) -> bool:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._seconds)
        with self._lock:
            self._now -= 1
        return self._route(connection, request)


def endless(head: bytes = b"HTTP/1.1 200 OK\r\n\r\n", piece: bytes = b"\0" * 65_536, pause: float = 0.0) -> Route:
    """A head and then `piece` for ever, `pause` seconds apart."""

    def route(connection: socket.socket, request: ReceivedRequest) -> bool:
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            if pause:
                time.sleep(pause)

    return route


def silent(connection: socket.socket, request: ReceivedRequest) -> bool:
    """Takes the request and never answers."""
    connection.recv(1)
    return False


def bomb(unpacked: int) -> Route:
    """A gzip body of a few kilobytes that unpacks to `unpacked` zeros, a multiple of 100,000."""

    def route(connection: socket.socket, request: ReceivedRequest) -> bool:
        return answer(body=_zeros(unpacked), headers={"Content-Encoding": "gzip"})(connection, request)

    return route


@cache
def _zeros(unpacked: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    piece = bytes(100_000)
    return b"".join(packer.compress(piece) for _ in range(unpacked // len(piece))) + packer.flush()


@dataclass
class HostileServer:
    """Serves `routes` by path (the query is cut off; unknown paths are 404) until the context ends.

    `greeting` is sent on every connection before the request.
    """

    routes: dict[str, Route] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""
    seen: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> HostileServer:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.netloc = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()
        self._thread.join(5)

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://{self.netloc}{path}"

    def count(self, path: str) -> int:
        """How often a path was requested."""
        return Counter(request.path for request in self.seen)[path]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            connection.sendall(self.greeting)
            while self._one(connection, number):
                pass
        except OSError:
            return  # the client has gone, as it should from most of these routes
        finally:
            connection.close()

    def _one(self, connection: socket.socket, number: int) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            received = connection.recv(65_536)
            if not received:
                return False
            head += received
        request_line, *lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        request = ReceivedRequest(request_line.split(" ")[1], headers, time.monotonic(), number)
        with self._lock:
            self.seen.append(request)
        return self.routes.get(request.path.split("?")[0], answer(404))(connection, request)
