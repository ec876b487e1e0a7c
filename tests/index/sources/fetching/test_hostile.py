"""Servers, names and redirects that mean harm: each is survived, in bounded time and memory."""

import random
import socket
import ssl
import time
import tracemalloc
from dataclasses import replace

import anyio
import httpcore
import pytest
import trustme

from index.sources.fetching.fetch import fetch_all
from index.sources.fetching.fetcher import Surroundings
from index.sources.fetching.outcomes import Fetched, FetchLimits, FetchRefused, Reason, Request
from tests.index.sources.fetching.hostile_server import (
    Counting,
    HostileServer,
    answer,
    bomb,
    endless,
    in_turn,
    raw,
    redirect,
    silent,
)

AGENT = "traceobject/0.1 (+https://example.org/crawler)"
# A second for a picture is for tests of what is too slow; elsewhere a busy machine may take longer than that.
LIMITS = FetchLimits(bytes=1_000_000, seconds=1.0, delay=0.0, backoff=0.01)
PATIENT = replace(LIMITS, seconds=20.0)
PUBLIC = "93.184.215.14"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server():
    with HostileServer() as running:
        yield running


def fetch(server, *urls, limits=PATIENT, **options):
    requests = [Request(server.url(url) if url.startswith("/") else url) for url in urls]
    options = {"user_agent": AGENT, "allow_hosts": frozenset({server.netloc})} | options
    found = {outcome.request: outcome for outcome in fetch_all(requests, limits=limits, **options)}
    assert set(found) == set(requests)
    return found[requests[0]] if len(requests) == 1 else [found[request] for request in requests]


class Rerouted(httpcore.AnyIOBackend):
    """The network, except that public addresses lead to a server on loopback; remembers who was called."""

    def __init__(self, port):
        self.port = port
        self.dialled = []

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port))
        return await super().connect_tcp("127.0.0.1", self.port, timeout, local_address, socket_options)


class Names:
    """Answers a name with one list of addresses after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found


# --- where it may not go


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/secret",
        "http://localhost:{port}/secret",
        "http://10.0.0.1/secret",
        "http://192.168.1.1/secret",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{port}/secret",
        "http://[::ffff:127.0.0.1]/secret",
        "http://[64:ff9b::7f00:1]/secret",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0:{port}/secret",
        "http://0/secret",
        "http://2130706433/secret",
        "http://0x7f.1/secret",
        "http://127.1/secret",
        "http://127.0.0.1.:{port}1/secret",
        "http://user@127.0.0.1:{port}/secret",
        "//127.0.0.2:{port}/secret",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/secret",
        "javascript:alert(1)",
        "http://[::1",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(server, target):
    server.routes["/secret"] = answer(body=b"secret")
    server.routes["/a"] = redirect(target.format(port=server.port))
    outcome = fetch(server, "/a")
    assert isinstance(outcome, FetchRefused)
    assert outcome.reason in (Reason.ADDRESS_REFUSED, Reason.URL_REFUSED, Reason.URL_INVALID, Reason.REDIRECT_REFUSED)
    assert not outcome.transient
    assert server.count("/secret") == 0


@pytest.mark.parametrize("url", ["http://localhost/a", "http://127.0.0.1/a", "http://[::1]/a", "http://10.0.0.1/a"])
def test_a_private_address_in_the_feed_is_never_contacted(server, url):
    dial = Rerouted(server.port)
    assert fetch(server, url, surroundings=Surroundings(dial=dial)).reason == Reason.ADDRESS_REFUSED
    assert dial.dialled == []


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["fd00::1"], ["::ffff:10.0.0.1"], ["0.0.0.0"]]
)
def test_a_name_that_resolves_to_a_private_address_is_never_contacted(server, addresses):
    dial = Rerouted(server.port)
    outcome = fetch(server, "http://shop.test/a", surroundings=Surroundings(dial=dial, resolve=Names(addresses)))
    assert (outcome.reason, outcome.transient) == (Reason.ADDRESS_REFUSED, False)
    assert "shop.test" in outcome.message
    assert dial.dialled == []


def test_the_connection_goes_to_the_address_that_was_checked_and_keeps_the_name(server):
    dial, names = Rerouted(server.port), Names([PUBLIC])
    server.routes["/a"] = answer(body=b"a")
    outcome = fetch(server, "http://shop.test/a", surroundings=Surroundings(dial=dial, resolve=names))
    assert isinstance(outcome, Fetched)
    assert dial.dialled == [(PUBLIC, 80)] * len(names.asked)
    assert {seen.headers["host"] for seen in server.seen} == {"shop.test"}


def test_dns_rebinding_finds_nothing_to_rebind(server):
    """The first answer is public, every later one private: each connection is judged by the answer it was made with."""
    dial, names = Rerouted(server.port), Names([PUBLIC], ["127.0.0.1"])
    server.routes |= {
        "/robots.txt": raw(OK + b"Content-Length: 0\r\nConnection: close\r\n\r\n"),
        "/a": answer(body=b"a"),
    }
    outcome = fetch(server, "http://shop.test/a", surroundings=Surroundings(dial=dial, resolve=names))
    assert outcome.reason == Reason.ADDRESS_REFUSED
    assert dial.dialled == [(PUBLIC, 80)]
    assert server.count("/a") == 0


def test_the_next_address_is_tried_when_one_does_not_answer(server):
    class FirstIsDead(Rerouted):
        async def connect_tcp(self, host, *args, **kwargs):
            if host == "2606:4700::1":
                self.dialled.append((host, 80))
                raise httpcore.ConnectError("unreachable")
            return await super().connect_tcp(host, *args, **kwargs)

    dial = FirstIsDead(server.port)
    server.routes["/a"] = answer(body=b"a")
    surroundings = Surroundings(dial=dial, resolve=Names(["2606:4700::1", PUBLIC]))
    assert isinstance(fetch(server, "http://shop.test/a", surroundings=surroundings), Fetched)
    assert dial.dialled[:2] == [("2606:4700::1", 80), (PUBLIC, 80)]


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_NONAME, "no such name"), UnicodeError("label too long"), []]
)
def test_a_name_without_an_address(server, error):
    names = Names(error)
    outcome = fetch(server, "http://shop.test/a", surroundings=Surroundings(resolve=names))
    assert (outcome.reason, outcome.transient) == (Reason.NAME_UNRESOLVED, True)
    assert len(names.asked) == 1


def test_a_failing_resolver_is_tried_again(server):
    names = Names(socket.gaierror(socket.EAI_AGAIN, "try again"), [PUBLIC])
    server.routes["/a"] = answer(body=b"a")
    surroundings = Surroundings(resolve=names, dial=Rerouted(server.port))
    assert isinstance(fetch(server, "http://shop.test/a", surroundings=surroundings), Fetched)


def test_a_resolver_that_hangs_ends_with_the_pictures_time(server):
    async def hangs(host, port):
        await anyio.sleep(60)
        return [PUBLIC]

    started = time.monotonic()
    outcome = fetch(server, "http://shop.test/a", limits=LIMITS, surroundings=Surroundings(resolve=hangs))
    assert outcome.reason == Reason.TOO_SLOW
    assert time.monotonic() - started < 5


# --- what may not be sent


@pytest.mark.parametrize(
    ("route", "reason", "transient"),
    [
        pytest.param(endless(), Reason.TOO_LARGE, False, id="endless body"),
        pytest.param(
            endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
            Reason.TOO_LARGE,
            False,
            id="endless chunks",
        ),
        pytest.param(
            raw(OK + b"Content-Length: 999999999999\r\n\r\nabc"), Reason.TOO_LARGE, False, id="large by its head"
        ),
        pytest.param(bomb(50_000_000), Reason.TOO_LARGE, False, id="gzip bomb"),
        pytest.param(
            endless(OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\0", b"\0\0\0\xff\xff" * 13_000),
            Reason.TOO_LARGE,
            False,
            id="endless gzip of nothing",
        ),
        pytest.param(
            answer(body=b"x", headers={"Content-Encoding": "gzip, gzip"}),
            Reason.ENCODING_REFUSED,
            False,
            id="gzip twice",
        ),
        pytest.param(
            answer(body=b"x", headers={"Content-Encoding": "br"}), Reason.ENCODING_REFUSED, False, id="brotli"
        ),
        pytest.param(
            answer(body=b"no gzip at all", headers={"Content-Encoding": "gzip"}),
            Reason.ANSWER_BROKEN,
            False,
            id="no gzip",
        ),
        pytest.param(endless(piece=b"x", pause=0.1), Reason.TOO_SLOW, True, id="one byte at a time"),
        pytest.param(endless(b"", b"H", 0.1), Reason.TOO_SLOW, True, id="a head one byte at a time"),
        pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), Reason.TOO_SLOW, True, id="endless 100"),
        pytest.param(silent, Reason.TOO_SLOW, True, id="silence"),
        pytest.param(endless(OK, b"X: " + b"y" * 4000 + b"\r\n"), Reason.ANSWER_BROKEN, True, id="header flood"),
        pytest.param(endless(b"", b"y" * 4000), Reason.ANSWER_BROKEN, True, id="endless status line"),
        pytest.param(raw(OK + b"Content-Length: 99\r\n\r\nabc"), Reason.ANSWER_BROKEN, True, id="cut in the body"),
        pytest.param(raw(OK + b"Content-Le"), Reason.ANSWER_BROKEN, True, id="cut in the head"),
        pytest.param(raw(b""), Reason.ANSWER_BROKEN, True, id="no answer"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.7\r\n"), Reason.ANSWER_BROKEN, True, id="not HTTP"),
        pytest.param(
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"), Reason.ANSWER_BROKEN, True, id="chunked garbage"
        ),
        pytest.param(
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n"),
            Reason.ANSWER_BROKEN,
            True,
            id="huge chunk",
        ),
        pytest.param(raw(OK + b"Content-Length: -5\r\n\r\n"), Reason.ANSWER_BROKEN, True, id="negative length"),
        pytest.param(raw(b"HTTP/1.1 999 \r\n\r\n"), Reason.STATUS_UNEXPECTED, False, id="status out of range"),
        pytest.param(
            raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), Reason.ANSWER_BROKEN, True, id="other protocol"
        ),
        pytest.param(redirect("/a"), Reason.REDIRECT_REFUSED, False, id="redirect loop"),
        pytest.param(answer(302, headers={"Location": "http://["}), Reason.REDIRECT_REFUSED, False, id="no URL"),
        pytest.param(answer(302, headers={"Location": "\xff\xfe\x80"}), Reason.NOT_FOUND, False, id="odd bytes"),
    ],
)
def test_a_malicious_answer_is_refused_in_time(server, route, reason, transient):
    server.routes["/a"] = route
    started = time.monotonic()
    limits = LIMITS if reason == Reason.TOO_SLOW else PATIENT
    outcome = fetch(server, "/a", limits=limits)
    assert (outcome.reason, outcome.transient) == (reason, transient)
    assert outcome.message.isprintable()
    assert time.monotonic() - started < limits.seconds + 3.0


def test_packed_pictures_within_the_bound_are_unpacked(server):
    server.routes["/a"] = bomb(900_000)
    assert fetch(server, "/a").data == b"\0" * 900_000


def test_a_picture_at_the_bound_is_taken_and_one_byte_more_is_not(server):
    server.routes |= {
        "/a": answer(body=b"x" * 1000),
        "/b": answer(body=b"x" * 1001),
        "/c": raw(OK + b"\r\n" + b"x" * 1001),
    }
    a, b, c = fetch(server, "/a", "/b", "/c", limits=FetchLimits(bytes=1000, delay=0.0))
    assert a.data == b"x" * 1000
    assert (b.reason, c.reason) == (Reason.TOO_LARGE, Reason.TOO_LARGE)


def test_a_connection_cut_once_is_tried_again(server):
    cut = raw(OK + b"Content-Length: 99\r\n\r\nabc")
    server.routes["/a"] = in_turn(cut, cut, answer(body=b"whole"))
    assert fetch(server, "/a").data == b"whole"


def test_the_time_of_a_picture_is_shared_by_its_attempts_and_redirects(server):
    cut_after_a_while = Counting(raw(OK + b"Content-Length: 99\r\n\r\nabc"), 0.2)
    server.routes |= {"/a": Counting(redirect("/b"), 0.2), "/b": cut_after_a_while}
    limits = FetchLimits(seconds=1.0, delay=0.0, backoff=0.0, attempts=50, host_failures=50)
    started = time.monotonic()
    assert fetch(server, "/a", limits=limits).reason == Reason.TOO_SLOW
    assert time.monotonic() - started < 4.0
    assert server.count("/a") <= 3


def test_bad_pictures_do_not_harm_the_good_ones(server):
    server.routes |= {"/good": answer(body=b"good"), "/slow": silent, "/endless": endless(), "/bomb": bomb(50_000_000)}
    limits = FetchLimits(bytes=1_000_000, seconds=2.0, delay=0.0, backoff=0.01, per_host=4, host_failures=50)
    bad = [f"/{kind}?{number}" for number in range(4) for kind in ("slow", "endless", "bomb")]
    good = [f"/good?{number}" for number in range(20)]
    outcomes = fetch(server, *bad, *good, limits=limits)
    assert all(isinstance(outcome, FetchRefused) for outcome in outcomes[: len(bad)])
    assert all(outcome.data == b"good" for outcome in outcomes[len(bad) :])


def test_random_garbage_is_survived(server):
    chance = random.Random(7)
    heads = [b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n", OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08"]
    for number in range(120):
        noise = chance.choice(heads) + chance.randbytes(chance.randrange(300))
        server.routes[f"/{number}"] = raw(noise + chance.choice([b"", b"\r\n\r\n"]))
    limits = FetchLimits(bytes=100, seconds=5.0, delay=0.0, attempts=1, host_failures=1000)
    assert len(fetch(server, *list(server.routes), limits=limits)) == 120


@pytest.mark.slow
def test_memory_stays_bounded(server):
    """Eight connections of at most a megabyte each, against bodies of 100 MB and more."""
    server.routes |= {
        "/endless": endless(),
        "/bomb": bomb(100_000_000),
        "/flood": endless(OK, b"X: " + b"y" * 4000 + b"\r\n"),
        "/robots.txt": endless(OK + b"\r\n", b"User-agent: *\nDisallow: /private\n" * 1000),
        "/whole": answer(body=b"x" * 1_000_000),
    }
    urls = [f"{path}?{number}" for number in range(5) for path in ("/endless", "/bomb", "/flood", "/whole")]
    limits = FetchLimits(
        bytes=1_000_000, seconds=10.0, delay=0.0, backoff=0.01, connections=8, per_host=8, host_failures=1000
    )
    requests = [Request(server.url(url)) for url in urls]
    fetched = 0
    tracemalloc.start()
    try:
        for outcome in fetch_all(requests, user_agent=AGENT, limits=limits, allow_hosts=frozenset({server.netloc})):
            fetched += isinstance(outcome, Fetched)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fetched == 5
    assert peak < 2 * limits.connections * limits.bytes + 16_000_000


# --- TLS


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(authority):
    def start(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return HostileServer(routes={"/a": answer(body=b"a")}, tls=context)

    return start


def over_tls(server, authority, host="shop.test"):
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    surroundings = Surroundings(dial=Rerouted(server.port), resolve=Names([PUBLIC]), tls=trusting)
    return fetch(server, f"https://{host}/a", surroundings=surroundings)


def test_tls_is_verified_for_the_name_over_the_checked_address(secure, authority):
    with secure(authority.issue_cert("shop.test")) as server:
        assert over_tls(server, authority).data == b"a"
        assert {seen.headers["host"] for seen in server.seen} == {"shop.test"}


def test_a_certificate_for_another_name_is_refused(secure, authority):
    with secure(authority.issue_cert("other.test")) as server:
        outcome = over_tls(server, authority)
        assert outcome.reason == Reason.TLS_FAILED
        assert "shop.test" in outcome.message
        assert server.seen == []


def test_a_certificate_for_the_address_alone_is_refused(secure, authority):
    with secure(authority.issue_cert(PUBLIC)) as server:
        assert over_tls(server, authority).reason == Reason.TLS_FAILED


def test_a_certificate_of_an_unknown_authority_is_refused_at_once(secure, authority):
    with secure(trustme.CA().issue_cert("shop.test")) as server:
        assert over_tls(server, authority).reason == Reason.TLS_FAILED
        assert server.connections == 1


def test_a_server_that_speaks_no_tls_is_refused(authority):
    with HostileServer(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        outcome = over_tls(server, authority)
        assert (outcome.reason, outcome.transient) == (Reason.TLS_FAILED, True)


def test_a_redirect_from_https_to_http_is_refused(secure, authority):
    with secure(authority.issue_cert("shop.test")) as server:
        server.routes["/a"] = redirect("http://shop.test/a")
        assert over_tls(server, authority).reason == Reason.REDIRECT_REFUSED
