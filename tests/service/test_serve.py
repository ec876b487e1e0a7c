"""A real server: where it listens, what it prints, how it stops, and how it treats misbehaving clients."""

from __future__ import annotations

import json
import signal
import socket
import time
from contextlib import closing
from typing import Any

import httpx
import pytest

from service import serve as serve_module
from service.app.limits import ServerLimits
from service.application import create_app
from service.serve import ServeRefused, require_loopback, serve
from tests.fakes import ColourEncoder
from tests.service.problem_checks import problem_of
from tests.service.running import in_a_process, in_a_thread


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_open(host):
    require_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.1.7", "2001:db8::1", "search.police.example", "127.1.example"]
)
def test_everywhere_else_is_refused_without_users(indexed, host):
    with pytest.raises(ServeRefused, match="no users"):
        serve(indexed, host, 0)


def test_a_port_in_use_is_reported(indexed):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeRefused, match=f"port {port}: .*choose another"):
            serve(indexed, "127.0.0.1", port)


def test_answers_are_sent_at_once():
    """Without TCP_NODELAY an answer's body waits for the client's delayed ACK: 40 ms on every request."""
    with serve_module._listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("port", [-1, 70000])
def test_an_impossible_port_is_reported(indexed, port):
    with pytest.raises(ServeRefused, match="choose another port"):
        serve(indexed, "127.0.0.1", port)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_says_who_may_use_it_and_stops_in_order(indexed, tmp_path, png, how):
    errors = tmp_path / "stderr"
    with in_a_process(indexed.root, errors) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert not address.endswith(":0")
        answer = httpx.post(
            f"{address}/v1/search", files={"image": ("Jane Doe.png", png)}, data={"limit": "1"}, timeout=60
        )
        assert answer.json()["candidates"][0]["product_id"] == "A/3"
        assert "server" not in answer.headers
        problem_of(httpx.get(f"{address}/v1/objects", headers={"Host": "rebound.example"}), 421, "unknown-host")
        process.send_signal(how)
        assert process.wait(20) in {0, -how}
    text = errors.read_text(encoding="utf-8")
    assert "single-user mode" in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert "/v1/search" in {line.get("route") for line in lines}
    assert "Jane" not in text
    assert "Traceback" not in text


def form(size: int) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + bytes(size) + b"\r\n--b--\r\n"


def head(*headers: str) -> bytes:
    return "\r\n".join(
        [
            "POST /v1/search HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Type: multipart/form-data; boundary=b",
            *headers,
            "",
            "",
        ]
    ).encode()


def answer_to(port: int, *pieces: bytes) -> Any:
    """The server's response to raw bytes, read to the end of the connection."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    top, _, body = received.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    return httpx.Response(int(status.split()[1]), headers=[tuple(line.split(": ", 1)) for line in lines], content=body)


@pytest.fixture(scope="module")
def limited(indexed):
    app = create_app(indexed, ColourEncoder(), limits=ServerLimits(body_bytes=100_000, upload_seconds=0.3))
    with in_a_thread(app) as port:
        yield app, port


def test_a_slow_upload_is_ended(limited):
    _, port = limited
    problem_of(answer_to(port, head("Content-Length: 5000"), form(100)[:80]), 408, "upload-too-slow")


def test_a_large_upload_is_refused_before_it_is_sent(limited):
    _, port = limited
    answer = answer_to(port, head("Content-Length: 200000000", "Expect: 100-continue"))
    problem_of(answer, 413, "too-large")


@pytest.mark.parametrize("size", [120_000, 190_000])
def test_a_large_upload_is_refused_and_its_client_hears_why(limited, size):
    app, port = limited
    # Sent to its end before the answer is read: a connection closed on unread bytes would be reset.
    problem_of(answer_to(port, head(f"Content-Length: {len(form(size))}"), form(size)), 413, "too-large")
    assert app.state.services.reserved_bytes.total == 0


@pytest.mark.parametrize("chunks", [7, 11])
def test_a_large_upload_of_unknown_length_is_refused_as_it_comes(limited, chunks):
    app, port = limited
    start, chunk = form(0)[:56], bytes(0x4000)
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (start, *[chunk] * chunks)]
    problem_of(answer_to(port, head("Transfer-Encoding: chunked"), *pieces, b"0\r\n\r\n"), 413, "too-large")
    assert app.state.services.reserved_bytes.total == 0


def test_an_endless_upload_is_cut_off(limited):
    _, port = limited
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    start = head("Transfer-Encoding: chunked") + b"%x\r\n%b\r\n" % (56, form(0)[:56])
    with pytest.raises(ConnectionError):
        answer_to(port, start, *[chunk] * 1500)


def test_clients_that_leave_are_forgotten(limited, png):
    app, port = limited
    for _ in range(5):
        with closing(socket.create_connection(("127.0.0.1", port))) as connection:
            connection.sendall(head("Content-Length: 90000") + form(50_000)[:40_000])
    deadline = time.monotonic() + 10
    while app.state.services.reserved_bytes.total:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert httpx.post(f"http://127.0.0.1:{port}/v1/search", files={"image": png}).status_code == 200
