"""Small servers on loopback that receive what a re-index sends: a webhook receiver and a mail server."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(frozen=True)
class Posted:
    """A request as it came: its path, its headers by lower-case name, its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """An answer: bytes sent at once, then `drip` again and again, `pause` seconds apart, until the client leaves."""

    data: bytes
    drip: bytes = b""
    pause: float = 0.02


def status(number: int, *headers: str) -> Says:
    """A complete answer without a body."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return Says(f"HTTP/1.1 {number} X\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())


@dataclass
class Hook:
    """A webhook receiver: gives its answers in turn, the last one repeatedly. `posted` are the requests received."""

    answers: list[Says]
    url: str = ""
    posted: list[Posted] = field(default_factory=list)


@contextmanager
def hook(*answers: Says) -> Iterator[Hook]:
    """Listen on loopback, and answer."""
    receiver = Hook(list(answers))

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().decode().split(" ")[1]
            headers = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            receiver.posted.append(Posted(path, headers, self.rfile.read(int(headers["content-length"]))))
            says = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            # The client may have disconnected, as some tests intend.
            with suppress(OSError):
                self.wfile.write(says.data)
                while says.drip:
                    self.wfile.write(says.drip)
                    time.sleep(says.pause)

    with _listening(Handler) as port:
        receiver.url = f"http://127.0.0.1:{port}/night"
        yield receiver


@dataclass
class Post:
    """A mail server: `mails` are those it accepted, `users` the sign-ins as (name, password)."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    users: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def post_office(*, tls: ssl.SSLContext | None = None, refuse: Sequence[str] = ()) -> Iterator[Post]:
    """A mail server on loopback that accepts all mails except those to the addresses in `refuse`."""
    office = Post()

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if tls is not None:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self) -> None:
            to: list[str] = []
            self.say("220 office")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(" ")[0].upper()
                if verb == "EHLO":
                    self.say("250-office\r\n250 AUTH PLAIN")
                elif verb == "AUTH":
                    _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                    office.users.append((user, password))
                    self.say("235 welcome")
                elif verb == "RCPT":
                    address = line.partition("<")[2].rstrip(">")
                    to.append(address)
                    self.say("550 nobody here" if address in refuse else "250 taken")
                elif verb == "DATA":
                    self.say("354 go on")
                    data = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        data += part.removeprefix(b".")
                    office.mails.append((to, message_from_bytes(data, EmailMessage, policy=policy.default)))
                    self.say("250 taken")
                elif verb == "QUIT":
                    return self.say("221 bye")
                else:
                    self.say("250 taken")
            return None

    with _listening(Handler) as port:
        office.port = port
        yield office


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignored: some tests have a client that rejects the certificate and disconnects."""


@contextmanager
def _listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """A port of loopback on which no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
