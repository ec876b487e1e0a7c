"""Pictures from well-behaved servers: results, politeness towards the servers, bounds of memory."""

import subprocess
import sys
import threading
import time

import anyio
import httpcore
import pytest

from index.sources.fetching.fetch import fetch_all
from index.sources.fetching.fetcher import Surroundings
from index.sources.fetching.hosts import Clock
from index.sources.fetching.outcomes import (
    Fetched,
    FetchLimits,
    FetchRefused,
    FetchSettingInvalid,
    NotModified,
    Reason,
    Request,
)
from tests.index.sources.fetching.hostile_server import Counting, HostileServer, answer, in_turn, raw, redirect
from tests.paths import ROOT

AGENT = "traceobject/0.1 (+https://example.org/crawler)"
QUICK = FetchLimits(delay=0.0, backoff=0.01, seconds=20.0)


class FakeClock:
    """Time that passes only by waiting for it."""

    def __init__(self, wall=1_772_366_400.0):
        self.start = wall
        self.now = 0.0
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds
        await anyio.lowlevel.checkpoint()

    def clock(self):
        return Clock(lambda: self.now, lambda: self.start + self.now, self.sleep)


@pytest.fixture
def server():
    with HostileServer() as running:
        yield running


def fetch(server, *requests, limits=QUICK, clock=None, **options):
    surroundings = Surroundings(clock=clock.clock()) if clock else Surroundings()
    asked = [Request(server.url(r)) if isinstance(r, str) else r for r in requests]
    options = {"allow_hosts": frozenset({server.netloc}), "user_agent": AGENT, "surroundings": surroundings} | options
    found = {outcome.request: outcome for outcome in fetch_all(asked, limits=limits, **options)}
    assert set(found) == set(asked)
    return found[asked[0]] if len(asked) == 1 else [found[request] for request in asked]


def test_a_picture_comes_with_its_validators(server):
    modified = "Sun, 01 Mar 2026 11:00:00 GMT"
    server.routes["/a.jpg"] = answer(body=b"picture", headers={"ETag": 'W/"7"', "Last-Modified": modified})
    outcome = fetch(server, "/a.jpg")
    assert outcome == Fetched(Request(server.url("/a.jpg")), b"picture", 'W/"7"', modified)
    headers = server.seen[-1].headers
    assert headers["user-agent"] == AGENT
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == server.netloc
    assert not {"cookie", "authorization", "if-none-match", "if-modified-since"} & set(headers)


def test_a_known_picture_is_requested_conditionally(server):
    server.routes["/a.jpg"] = answer(304)
    request = Request(server.url("/a.jpg"), etag='"7"', last_modified="Sun, 01 Mar 2026 11:00:00 GMT")
    assert fetch(server, request) == NotModified(request)
    assert server.seen[-1].headers["if-none-match"] == '"7"'
    assert server.seen[-1].headers["if-modified-since"] == "Sun, 01 Mar 2026 11:00:00 GMT"


def test_not_modified_without_a_condition_is_refused(server):
    server.routes["/a.jpg"] = answer(304)
    assert fetch(server, "/a.jpg").reason == Reason.STATUS_UNEXPECTED


def test_a_validator_that_would_break_a_header_is_left_out(server):
    server.routes["/a.jpg"] = answer(body=b"picture")
    outcome = fetch(server, Request(server.url("/a.jpg"), etag='"7"\r\nX-Evil: 1', last_modified="\u2603"))
    assert isinstance(outcome, Fetched)
    assert not {"if-none-match", "if-modified-since", "x-evil"} & set(server.seen[-1].headers)


def test_the_content_type_is_ignored(server):
    server.routes["/a.jpg"] = answer(body=b"picture", headers={"Content-Type": "text/html"})
    server.routes["/b.jpg"] = answer(body=b"<html>", headers={"Content-Type": "image/jpeg"})
    assert [outcome.data for outcome in fetch(server, "/a.jpg", "/b.jpg")] == [b"picture", b"<html>"]


def test_redirects_are_followed(server):
    server.routes |= {"/1": redirect("/2", 301), "/2": redirect(f"http://{server.netloc}/3", 308)}
    server.routes["/3"] = answer(body=b"picture")
    outcome = fetch(server, "/1")
    assert outcome == Fetched(Request(server.url("/1")), b"picture")


@pytest.mark.parametrize(
    ("status", "reason", "transient", "requests"),
    [
        (404, Reason.NOT_FOUND, False, 1),
        (410, Reason.NOT_FOUND, False, 1),
        (403, Reason.FORBIDDEN, False, 1),
        (451, Reason.FORBIDDEN, False, 1),
        (204, Reason.STATUS_UNEXPECTED, False, 1),
        (206, Reason.STATUS_UNEXPECTED, False, 1),
        (302, Reason.STATUS_UNEXPECTED, False, 1),
        (500, Reason.SERVER_ERROR, True, 3),
        (503, Reason.SERVER_ERROR, True, 3),
        (429, Reason.RATE_LIMITED, True, 3),
    ],
)
def test_other_answers_have_their_reason(server, status, reason, transient, requests):
    server.routes["/a.jpg"] = answer(status)
    outcome = fetch(server, "/a.jpg", clock=FakeClock())
    assert (outcome.reason, outcome.transient, outcome.retry_after) == (reason, transient, None)
    assert server.count("/a.jpg") == requests


def test_a_connection_serves_many_pictures_and_dead_links(server):
    server.routes |= {f"/{number}": answer(body=b"picture") for number in range(20)}
    server.routes |= {"/same": answer(304), "/moved": redirect("/0")}
    same = Request(server.url("/same"), etag='"1"')
    fetch(server, *server.routes, same, "/gone", "/gone?2", limits=FetchLimits(delay=0.0, per_host=1))
    assert server.connections == 1


# --- politeness


def test_robots_txt_is_fetched_once_and_obeyed(server):
    robots = b"User-agent: *\nDisallow: /\n\nUser-agent: traceobject\nDisallow: /private"
    server.routes |= {"/robots.txt": answer(body=robots), "/a": answer(body=b"a"), "/private": answer(body=b"p")}
    outcomes = fetch(server, *[f"/a?{number}" for number in range(30)], "/private")
    assert all(isinstance(outcome, Fetched) for outcome in outcomes[:-1])
    assert (outcomes[-1].reason, outcomes[-1].transient) == (Reason.ROBOTS_DISALLOWED, False)
    assert server.count("/private") == 0
    assert server.count("/robots.txt") == 1


def test_a_redirect_does_not_lead_around_robots_txt(server):
    server.routes |= {"/robots.txt": answer(body=b"User-agent: *\nDisallow: /private"), "/private": answer()}
    server.routes["/a"] = redirect("/private")
    assert fetch(server, "/a").reason == Reason.ROBOTS_DISALLOWED
    assert server.count("/private") == 0


@pytest.mark.parametrize(
    "robots",
    [
        answer(404),
        answer(403),
        redirect("/robots.txt"),
        answer(body=b"<html>" * 1000, headers={"Content-Type": "text/html"}),
        answer(body=b"User-agent: *\nDisallow: /private\n" + b"# \n" * 400_000),
        in_turn(answer(500), answer(503, headers={"Retry-After": "5"}), answer(404)),
        answer(418),
    ],
)
def test_a_site_without_usable_rules_forbids_nothing(server, robots):
    server.routes |= {"/robots.txt": robots, "/a": answer(body=b"a")}
    assert isinstance(fetch(server, "/a", clock=FakeClock()), Fetched)


@pytest.mark.parametrize(
    "robots",
    [
        answer(500),
        answer(429),
        answer(503, headers={"Retry-After": "1"}),
        redirect("http://10.0.0.1/robots.txt"),
        raw(b""),
    ],
)
def test_a_site_whose_rules_cannot_be_fetched_is_skipped_for_now(server, robots):
    server.routes |= {"/robots.txt": robots, "/a": answer(body=b"a")}
    outcomes = fetch(server, *[f"/a?{number}" for number in range(40)], clock=FakeClock())
    assert {outcome.reason for outcome in outcomes} <= {Reason.ROBOTS_UNAVAILABLE, Reason.RATE_LIMITED}
    assert server.count("/robots.txt") <= QUICK.attempts
    assert len(server.seen) == server.count("/robots.txt")


def test_rules_and_failures_expire(server):
    clock = FakeClock()
    server.routes |= {"/robots.txt": in_turn(answer(404), answer(body=b"User-agent: *\nDisallow: /")), "/a": answer()}

    def a_day_apart():
        yield Request(server.url("/a?1"))
        while not server.count("/a?1"):
            time.sleep(0.01)
        clock.now += 25 * 3600
        yield Request(server.url("/a?2"))

    first, second = fetch_all(
        a_day_apart(),
        user_agent=AGENT,
        limits=FetchLimits(delay=0.0, lookahead=1),
        allow_hosts=frozenset({server.netloc}),
        surroundings=Surroundings(clock=clock.clock()),
    )
    assert isinstance(first, Fetched)
    assert second.reason == Reason.ROBOTS_DISALLOWED


@pytest.mark.parametrize(("delay", "pace"), [(b"4", 4.0), (b"86400", 10.0), (b"0.001", 0.25)])
def test_the_crawl_delay_sets_the_pace_up_to_a_bound(server, delay, pace):
    clock = FakeClock()
    server.routes |= {"/robots.txt": answer(body=b"User-agent: *\nCrawl-delay: " + delay), "/a": answer(body=b"a")}
    limits = FetchLimits(delay=0.25)
    fetch(server, *[f"/a?{number}" for number in range(10)], limits=limits, clock=clock)
    assert clock.now == pytest.approx(0.25 + 9 * pace)


@pytest.mark.parametrize("header", ["noai", "noindex, noimageai", "traceobject: noai"])
@pytest.mark.parametrize("status", [200, 304])
def test_an_opt_out_is_honoured(server, header, status):
    server.routes["/a"] = answer(status, body=b"" if status == 304 else b"a", headers={"X-Robots-Tag": header})
    outcome = fetch(server, Request(server.url("/a"), etag='"1"'))
    assert (outcome.reason, outcome.transient) == (Reason.OPTED_OUT, False)


def test_an_opt_out_for_others_is_not_ours(server):
    server.routes["/a"] = answer(body=b"a", headers={"X-Robots-Tag": "otherbot: noai"})
    assert isinstance(fetch(server, "/a"), Fetched)


@pytest.mark.parametrize("header", ["7", "Sun, 01 Mar 2026 12:00:07 GMT"])
def test_retry_after_is_waited_for_by_the_whole_host(server, header):
    clock = FakeClock()
    again = in_turn(answer(429, headers={"Retry-After": header}), answer(body=b"a"))
    server.routes |= {"/a": again, "/b": answer(body=b"b")}
    limits = FetchLimits(delay=0.0, backoff=0.01, per_host=1)
    a, b = fetch(server, "/a", "/b", limits=limits, clock=clock)
    assert isinstance(a, Fetched)
    assert isinstance(b, Fetched)
    assert clock.now == pytest.approx(7.0)
    assert server.count("/a") == 2


def test_a_host_with_a_retry_after_of_hours_is_skipped(server):
    clock = FakeClock()
    server.routes |= {"/a": answer(429, headers={"Retry-After": "7200"}), "/b": answer(body=b"b")}
    limits = FetchLimits(delay=0.0, backoff=0.01, per_host=1)
    outcomes = fetch(server, "/a", *[f"/b?{number}" for number in range(20)], limits=limits, clock=clock)
    for outcome in outcomes:
        assert (outcome.reason, outcome.transient) == (Reason.RATE_LIMITED, True)
        assert outcome.retry_after == pytest.approx(7200, abs=1)
    assert [seen.path for seen in server.seen] == ["/robots.txt", "/a"]
    assert clock.now < 1


def test_server_errors_are_tried_again_with_growing_seeded_waits(server):
    def waits(seed):
        clock = FakeClock()
        server.routes["/a"] = in_turn(answer(500), answer(502), answer(body=b"a"))
        limits = FetchLimits(delay=0.0, backoff=1.0)
        assert isinstance(fetch(server, "/a", limits=limits, clock=clock, seed=seed), Fetched)
        return clock.waits

    first, second = waits(1)
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    assert waits(1) == [first, second]
    assert waits(2) != [first, second]


def test_a_host_that_only_fails_is_given_up(server):
    server.routes["/a"] = answer(500)
    limits = FetchLimits(delay=0.0, backoff=0.01, host_failures=12, per_host=2)
    outcomes = fetch(server, *[f"/a?{number}" for number in range(100)], limits=limits, clock=FakeClock())
    assert {outcome.reason for outcome in outcomes} == {Reason.SERVER_ERROR, Reason.HOST_GIVEN_UP}
    assert all(outcome.transient for outcome in outcomes)
    assert len(server.seen) <= 1 + 12 + limits.per_host


def test_a_host_that_fails_now_and_then_is_not_given_up(server):
    server.routes |= {"/bad": answer(500), "/good": answer(body=b"a")}
    paths = [f"/{'good' if number % 4 else 'bad'}?{number}" for number in range(80)]
    limits = FetchLimits(delay=0.0, backoff=0.01, host_failures=8, attempts=1, per_host=1)
    outcomes = fetch(server, *paths, limits=limits, clock=FakeClock())
    assert sum(isinstance(outcome, Fetched) for outcome in outcomes) == 60


@pytest.mark.parametrize("per_host", [1, 2, 5])
def test_a_host_never_serves_more_than_its_share_at_once(server, per_host):
    counting = Counting(answer(body=b"a"), 0.02)
    server.routes["/a"] = counting
    limits = FetchLimits(delay=0.0, per_host=per_host)
    fetch(server, *[f"/a?{number}" for number in range(30)], limits=limits)
    assert counting.most == per_host


def test_connections_are_bounded_over_all_hosts():
    with HostileServer() as one, HostileServer() as two, HostileServer() as three:
        counting = Counting(answer(body=b"a"), 0.05)
        names = {f"shop{number}.test": host for number, host in enumerate((one, two, three))}
        requests = []
        for name, host in names.items():
            host.routes["/a"] = counting
            requests += [Request(f"http://{name}:{host.port}/a?{number}") for number in range(8)]

        async def resolve(host, port):
            return ["127.0.0.1"]

        limits = FetchLimits(delay=0.0, per_host=3, connections=4)
        outcomes = list(
            fetch_all(
                requests,
                user_agent=AGENT,
                limits=limits,
                allow_hosts=frozenset(names),
                surroundings=Surroundings(resolve=resolve),
            )
        )
        assert all(isinstance(outcome, Fetched) for outcome in outcomes)
        assert counting.most == 4


# --- streaming


def test_requests_are_taken_lazily_and_pictures_wait_in_bounded_number(server):
    server.routes["/a"] = answer(body=b"a" * 1000)
    taken = 0

    def source():
        nonlocal taken
        for number in range(200):
            taken += 1
            yield Request(server.url(f"/a?{number}"))

    limits = FetchLimits(delay=0.0, connections=4, per_host=4, lookahead=20)
    outcomes = fetch_all(source(), user_agent=AGENT, limits=limits, allow_hosts=frozenset({server.netloc}))
    assert taken == 0
    next(outcomes)
    time.sleep(0.3)
    assert taken <= 21
    assert len(server.seen) <= 1 + 1 + 4
    assert sum(1 for _ in outcomes) == 199


def test_a_slow_source_does_not_hold_back_what_is_there(server):
    server.routes["/a"] = answer(body=b"a")
    goes_on = threading.Event()

    def source():
        yield Request(server.url("/a?1"))
        while not server.count("/a?1"):
            time.sleep(0.01)
        time.sleep(0.2)
        yield Request(server.url("/a?2"))
        assert goes_on.wait(5)
        yield Request(server.url("/a?3"))

    outcomes = fetch_all(source(), user_agent=AGENT, limits=QUICK, allow_hosts=frozenset({server.netloc}))
    assert isinstance(next(outcomes), Fetched)
    goes_on.set()
    assert len(list(outcomes)) == 2


def test_closing_early_ends_every_download_and_thread(server):
    server.routes |= {"/a": answer(body=b"a"), "/slow": Counting(answer(body=b"b"), 30.0)}
    requests = [Request(server.url("/a"))] + [Request(server.url(f"/slow?{number}")) for number in range(20)]
    before = set(threading.enumerate())
    outcomes = fetch_all(requests, user_agent=AGENT, limits=QUICK, allow_hosts=frozenset({server.netloc}))
    next(outcomes)
    started = time.monotonic()
    outcomes.close()
    assert time.monotonic() - started < 5
    # A thread that has done its work may take a moment to be gone.
    while [thread for thread in set(threading.enumerate()) - before if "portal" in thread.name]:
        assert time.monotonic() - started < 10
        time.sleep(0.01)


LEFT_UNFINISHED = """
import gc
from index.sources.fetching.fetch import fetch_all
from index.sources.fetching.outcomes import Request
from tests.index.sources.fetching.hostile_server import HostileServer, answer, silent

gc.disable()
server = HostileServer({"/a": answer(body=b"a"), "/s": silent}).__enter__()
requests = [Request(server.url("/a"))] + [Request(server.url(f"/s?{number}")) for number in range(9)]
outcomes = fetch_all(requests, user_agent="traceobject/0.1", allow_hosts=frozenset({server.netloc}))
print(type(next(outcomes)).__name__)
cycle = [outcomes]
cycle.append(cycle)
del outcomes, cycle
"""


def test_an_iterator_left_unfinished_does_not_keep_the_process():
    """In a reference cycle, as an exception makes one, it would be closed only after its thread was stopped."""
    left = subprocess.run(
        [sys.executable, "-c", LEFT_UNFINISHED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (left.returncode, left.stdout, left.stderr) == (0, "Fetched\n", "")


def test_an_error_of_the_source_reaches_the_caller(server):
    def source():
        yield Request(server.url("/a"))
        raise KeyError("the feed broke")

    with pytest.raises(KeyError, match="the feed broke"):
        list(fetch_all(source(), user_agent=AGENT, limits=QUICK, allow_hosts=frozenset({server.netloc})))


def test_nothing_to_fetch_is_nothing_fetched():
    assert list(fetch_all([], user_agent=AGENT)) == []


@pytest.mark.parametrize("agent", ["", "(nameless)", "traceobject\r\nX: y", "tracé/1"])
def test_a_user_agent_must_name_a_crawler(agent):
    with pytest.raises(FetchSettingInvalid, match="user agent"):
        fetch_all([], user_agent=agent)


def test_a_proxy_in_the_environment_is_ignored(server, monkeypatch):
    server.routes["/a"] = answer(body=b"a")
    with HostileServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert isinstance(fetch(server, "/a"), Fetched)
        assert proxy.connections == 0


def test_a_dead_host_is_tried_once_for_all_its_pictures(server):
    dialled = []

    class Dead(httpcore.AnyIOBackend):
        async def connect_tcp(self, host, *args, **kwargs):
            dialled.append(host)
            raise httpcore.ConnectError("refused")

    surroundings = Surroundings(clock=FakeClock().clock(), dial=Dead())
    requests = [Request(f"http://93.184.215.14/{number}") for number in range(200)]
    outcomes = list(fetch_all(requests, user_agent=AGENT, limits=QUICK, surroundings=surroundings))
    assert all(isinstance(o, FetchRefused) and o.reason == Reason.CONNECTION_FAILED and o.transient for o in outcomes)
    assert dialled == ["93.184.215.14"] * QUICK.attempts
