"""Headers without end are refused before they take memory; long ones within the bound are taken."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from index.workspace import Workspace
from service.http.protocol import MAX_HEAD_BYTES
from tests.service.running import in_a_process


@pytest.fixture(scope="module")
def port(indexed: Workspace, tmp_path_factory: pytest.TempPathFactory):
    log: Path = tmp_path_factory.mktemp("server") / "log"
    with in_a_process(indexed.root, log) as (_, address):
        yield int(address.rpartition(":")[2])


def answered(port: int, *parts: bytes) -> bytes:
    """What the server answers to bytes that are sent part by part, to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        received = b""
        try:
            for part in parts:
                client.sendall(part)
            while chunk := client.recv(65_536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
        return received


START = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"


def test_long_headers_within_the_bound_are_taken(port):
    header = b"X-Long: " + b"a" * (MAX_HEAD_BYTES - 10_000)
    assert answered(port, START, header, b"\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "parts",
    [
        [START, b"X-Long: ", *[b"a" * 10_000] * 60],
        [START, *[b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(600)]],
        [b"GET /", *[b"a" * 10_000] * 60],
    ],
    ids=["one header", "many headers", "address"],
)
def test_a_head_without_end_is_refused(port, parts):
    answer = answered(port, *parts)
    assert not answer or answer.startswith(b"HTTP/1.1 400"), answer[:100]
    assert answered(port, START, b"\r\n").startswith(b"HTTP/1.1 200")
