"""Rules of sites for crawlers, and delays before the next request."""

import tracemalloc
from datetime import UTC, datetime
from email.utils import format_datetime

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.sources.fetching.hosts import Clock, Hosts, RobotsEntry, backoff, retry_after
from index.sources.fetching.outcomes import FetchLimits, FetchSettingInvalid
from index.sources.fetching.robots import ROBOTS_BYTES, Rules, opted_out, product_token

SITE = "https://shop.test"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()


def allowed(robots, path="/a.jpg"):
    return Rules.parse(robots.encode(), "traceobject").allow(SITE + path)


@pytest.mark.parametrize(
    ("robots", "allow"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nDisallow:", True),
        ("User-agent: other\nDisallow: /", True),
        ("User-agent: TraceObject\nDisallow: /", False),
        ("User-agent: traceobject/2.0\nDisallow: /", False),
        ("User-agent: traceobject-images\nDisallow: /", True),
        ("User-agent: trace\nDisallow: /", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: traceobject\nAllow: /", True),
        ("User-agent: traceobject\nUser-agent: other\nDisallow: /", False),
        ("User-agent: other\nUser-agent: traceobject\nDisallow: /", False),
        ("User-agent: other\nDisallow: /\nUser-agent: traceobject\nDisallow: /private", True),
        ("User-agent: *\nDisallow: /*.jpg$", False),
        ("User-agent: *\nDisallow: /\nAllow: /a", True),
        ("\ufeffUser-agent: *\nDisallow: /", False),
        ("user agent traceobject # us\nDisallow: /", False),
        ("<!doctype html><title>Shop</title>", True),
    ],
)
def test_robots_txt_binds_the_crawler_it_names(robots, allow):
    assert allowed(robots) is allow


def test_the_delay_is_the_longer_of_crawl_delay_and_request_rate():
    robots = b"User-agent: *\nCrawl-delay: 3\nRequest-rate: 1/7\n\nUser-agent: other\nCrawl-delay: 99"
    assert Rules.parse(robots, "traceobject").delay == 7.0
    assert Rules.parse(b"User-agent: *\nCrawl-delay: 1.5", "traceobject").delay == 1.5
    assert Rules.parse(b"User-agent: *\nCrawl-delay: soon", "traceobject").delay == 0.0


@given(st.binary(max_size=2000))
@example(b"\xff\xfe\x00U\x00s")
@example(b"User-agent: *\nDisallow: " + b"*a" * 500)
def test_any_bytes_parse_as_rules(content):
    rules = Rules.parse(content, "traceobject")
    assert rules.allow(f"{SITE}/{'a' * 1000}") in (True, False)
    assert rules.delay >= 0


def test_ten_thousand_crawlers_with_as_many_rules_stay_small():
    half = ROBOTS_BYTES // 2
    agents = "".join(f"User-agent: bot{number}\n" for number in range(20_000))[:half]
    rules = "".join(f"Disallow: /{number}\n" for number in range(20_000))[:half]
    tracemalloc.start()
    try:
        parsed = Rules.parse((agents + "\n" + rules).encode(), "traceobject")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parsed.allow(f"{SITE}/7")
    assert peak < 40_000_000


@pytest.mark.parametrize(
    ("headers", "tag"),
    [
        ([], ""),
        (["noai"], "noai"),
        (["noindex, NoImageAI"], "noimageai"),
        (["noindex", "noai"], "noai"),
        (["otherbot: noai"], ""),
        (["otherbot: noindex, noai"], ""),
        (["TraceObject: noai"], "noai"),
        (["traceobject: noindex, noimageai"], "noimageai"),
        (["otherbot: noindex, traceobject: noai"], "noai"),
        (["*: noai"], "noai"),
        (["otherbot: noai", "noimageai"], "noimageai"),
        (["max-image-preview: large, noai"], "noai"),
        (["unavailable_after: 25 Jun 2026 15:00:00 GMT, noai"], "noai"),
        (["noaidea"], ""),
        (["index, follow, all"], ""),
    ],
)
def test_opt_outs_apply_to_the_crawlers_they_name(headers, tag):
    assert opted_out(headers, "traceobject") == tag


@given(st.lists(st.text()))
def test_any_x_robots_tag_is_read(headers):
    assert opted_out(headers, "traceobject") in ("", "noai", "noimageai")


def test_the_product_token_is_the_first_word():
    assert product_token("traceobject/0.1 (+https://example.org)") == "traceobject"
    assert product_token("(nameless)") == ""


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        (format_datetime(datetime(2026, 3, 1, 12, 1, 30, tzinfo=UTC), usegmt=True), 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sunday, 01-Mar-26 12:00:10 GMT", 10.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Sun, 99 Mar 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, NOW) == seconds


@given(st.one_of(st.text(), st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ([A-Z]+|[+-]\d+)")))
@example("9" * 400)
@example("Sun, 01 Mar 9999 23:59:59 -2359")
def test_any_retry_after_is_a_finite_wait_or_none(value):
    wait = retry_after(value, NOW)
    assert wait is None or 0 <= wait < float("inf")


def test_backoff_doubles_is_bounded_and_repeats_with_its_seed():
    limits = FetchLimits(backoff=1.0)
    waits = [backoff(limits, attempt, "seed") for attempt in range(1, 30)]
    for attempt, wait in enumerate(waits, 1):
        assert 0.5 * min(2.0 ** (attempt - 1), 60) <= wait <= min(2.0 ** (attempt - 1), 60)
    assert waits == [backoff(limits, attempt, "seed") for attempt in range(1, 30)]
    assert len({backoff(limits, 1, f"seed {number}") for number in range(50)}) == 50


def test_hosts_long_unused_are_forgotten_and_those_in_use_never():
    async def many():
        hosts = Hosts(FetchLimits(), Clock(lambda: 0.0, lambda: 0.0, anyio.sleep))
        async with hosts.using("busy.test") as busy:
            for number in range(3000):
                async with hosts.using(f"shop{number}.test") as host:
                    host.robots["https"] = RobotsEntry(Rules.parse(b"User-agent: *\n" * 20, "traceobject"), 1.0)
            async with hosts.using("busy.test") as again, hosts.using("shop2999.test") as recent:
                assert again is busy
                assert recent.robots
        async with hosts.using("shop0.test") as forgotten:
            assert not forgotten.robots
        assert len(hosts) <= 500

    anyio.run(many)


def test_large_rules_push_out_those_of_other_hosts():
    async def many():
        hosts = Hosts(FetchLimits(), Clock(lambda: 0.0, lambda: 0.0, anyio.sleep))
        for number in range(40):
            async with hosts.using(f"shop{number}.test") as host:
                host.robots["https"] = RobotsEntry(Rules("traceobject", size=ROBOTS_BYTES), 1.0)
        assert len(hosts) <= 4_000_000 // ROBOTS_BYTES

    anyio.run(many)


@pytest.mark.parametrize("bad", [{"bytes": 0}, {"seconds": -1.0}, {"per_host": 0}, {"delay": float("nan")}])
def test_limits_that_make_no_sense_are_an_error(bad):
    with pytest.raises(FetchSettingInvalid, match=next(iter(bad))):
        FetchLimits(**bad)
