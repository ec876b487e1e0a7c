"""Feeds by http: found by content, not loaded again unchanged, resumed, refused when they are something else."""

from __future__ import annotations

import gzip
import json
import os
from datetime import date
from typing import Any

import pytest

from index.errors import FeedError, QueryInvalid
from index.records.source_options import SourceOptions
from index.sources.web.headers import header_values, parse_header
from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import Reply, ShopServer

CSV = "product_id,title,image_link\n" + "".join(f"p{n},Thing {n},https://cdn.example/{n}.jpg\n" for n in range(1000))
LATER = date(2026, 1, 6)


def test_a_feed_is_read_by_its_url_and_not_loaded_again_unchanged(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv"))
    assert reader.read().changes["shop"].added == 1000
    server.reset()
    read = reader.read(LATER)
    assert read.changes["shop"].unchanged == 1000
    assert [one.status for one in server.asked if one.path == "/feed.csv"] == [304]


def test_a_feed_that_changed_is_loaded(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv"))
    reader.read()
    server.put("/feed.csv", CSV.replace("Thing 7,", "Better thing,"), "text/csv")
    assert reader.read(LATER).changes["shop"].changed == 1


def test_what_breaks_off_is_resumed_where_it_broke(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv", cut=20_000), format="csv")
    # Each attempt brings 20,000 bytes more.
    assert reader.read().changes["shop"].added == 1000
    asked = [(one.status, one.headers.get("range")) for one in server.asked if one.path == "/feed.csv"]
    assert asked == [(200, None), (206, "bytes=20000-"), (206, "bytes=40000-")]


def test_the_rest_is_loaded_the_next_night(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv", cut=10_000), format="csv")
    read = reader.read()
    assert read.failed
    assert "cut short" in read.failed[0]
    assert not reader.entries()
    server.reset()
    server.put("/feed.csv", CSV, "text/csv")
    assert reader.read(LATER).changes["shop"].added == 1000
    assert [one.headers.get("range") for one in server.asked if one.path == "/feed.csv"] == ["bytes=30000-"]


def test_a_rest_of_another_version_is_not_appended(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv", cut=10_000), format="csv")
    reader.read()
    server.put("/feed.csv", CSV.replace("Thing", "Object"), "text/csv")
    assert reader.read(LATER).changes["shop"].added == 1000
    assert {entry["title"].split()[0] for entry in reader.entries().values()} == {"Object"}


def test_a_feed_that_breaks_off_changes_nobodys_standing(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv"))
    reader.read()
    server.put("/feed.csv", CSV + "q,New,https://cdn.example/q.jpg\n", "text/csv", cut=10_000, etag=False)
    assert reader.read(LATER).failed
    assert len(reader.entries()) == 1000


@pytest.mark.parametrize("type", ["text/html", "text/csv"])
def test_a_web_page_in_place_of_the_feed_is_refused_and_the_feed_kept(
    server: ShopServer, reader: Reader, type: str
) -> None:
    reader.add(server.put("/feed.csv", CSV, "text/csv"))
    reader.read()
    server.put("/feed.csv", "<!doctype html><html><title>Down for maintenance</title></html>", type)
    (failure,) = reader.read(LATER).failed
    assert "a web page titled 'Down for maintenance'" in failure
    assert "in place of the feed" in failure
    assert len(reader.entries()) == 1000
    server.put("/feed.csv", CSV, "text/csv")
    assert reader.read(date(2026, 1, 7)).changes["shop"].unchanged == 1000


@pytest.mark.parametrize(
    ("route", "says"),
    [
        (Reply(b"", status=500), "the server answered 500"),
        (Reply(b"", status=404), "the server answered 404"),
        (Reply(b"", "text/csv"), "the server sent nothing"),
        (Reply(status=302, headers={"Location": "/feed.csv"}), "redirects more than 5 times"),
        (Reply(status=302, headers={"Location": "http://10.0.0.7/feed.csv"}), "10.0.0.7"),
        (Reply(CSV.encode(), "text/csv", headers={"X-Robots-Tag": "noai"}), "opts out of such use (noai)"),
        (Reply(CSV.encode(), "text/csv", headers={"TDM-Reservation": "1"}), "opts out of such use (tdm-reservation)"),
    ],
)
def test_what_brings_no_feed_is_one_clear_line(server: ShopServer, reader: Reader, route: Reply, says: str) -> None:
    server.routes["/feed.csv"] = route
    reader.add(f"{server.url}/feed.csv", format="csv")
    (failure,) = reader.read().failed
    assert says in failure
    assert "\n" not in failure


def test_a_feed_that_unpacks_to_far_too_much_is_one_clear_line(
    server: ShopServer, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.sources.feeds.feed_file.FREE_BYTES", 100_000)
    monkeypatch.setattr("index.sources.feeds.feed_file.MAX_RATIO", 100)
    reader.add(server.put("/feed.csv.gz", gzip.compress(CSV.encode()), "application/gzip"))
    reader.read()
    bomb = gzip.compress(CSV.encode() + b" " * 60_000_000)
    server.put("/feed.csv.gz", bomb, "application/gzip")
    (failure,) = reader.read(LATER).failed
    assert "unpacks to over 100 times its size" in failure
    assert len(reader.entries()) == 1000


def test_a_host_that_is_not_there_is_one_clear_line(reader: Reader) -> None:
    reader.add("http://shop.invalid/feed.csv", format="csv")
    (failure,) = reader.read().failed
    assert "shop.invalid: the name has no address" in failure


def test_a_private_address_is_not_contacted(server: ShopServer, tmp_path: Any) -> None:
    closed = Reader(tmp_path, frozenset())
    closed.add(server.put("/feed.csv", CSV, "text/csv"), format="csv")
    (failure,) = closed.read().failed
    assert "is not the port of http" in failure
    assert not server.asked


def test_a_feed_from_the_web_reads_no_file_of_this_machine(server: ShopServer, reader: Reader, tmp_path: Any) -> None:
    from tests.fakes import render_file

    secret = render_file(tmp_path / "secret.png", 1)
    reader.add(server.put("/feed.csv", f"product_id,image_link\np,{secret}\n", "text/csv"))
    read = reader.read(pictures=True)
    assert read.new_images == 0
    assert "names a file of this machine" in reader.refused()["local-file"]


class TestHeaders:
    def test_the_value_is_sent_and_never_stored(
        self, server: ShopServer, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHOP_TOKEN", "Bearer s3cret")
        options = SourceOptions(headers=(parse_header("Authorization=SHOP_TOKEN"),))

        def route(query: object, headers: Any) -> Reply:
            right = headers.get("authorization") == "Bearer s3cret"
            return Reply(CSV.encode(), "text/csv") if right else Reply(status=401)

        server.routes["/feed.csv"] = route
        reader.add(f"{server.url}/feed.csv", options=options)
        assert reader.read().changes["shop"].added == 1000
        for path in reader.root.rglob("*"):
            assert not path.is_file() or b"s3cret" not in path.read_bytes(), path

    def test_a_redirect_elsewhere_does_not_take_it_along(
        self, server: ShopServer, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHOP_TOKEN", "s3cret")
        with ShopServer() as other:
            reader = Reader(reader.root, frozenset({server.netloc, other.netloc}))
            other.put("/feed.csv", CSV, "text/csv")
            server.routes["/feed.csv"] = Reply(status=302, headers={"Location": f"{other.url}/feed.csv"})
            options = SourceOptions(headers=(("X-Token", "SHOP_TOKEN"),))
            reader.add(f"{server.url}/feed.csv", options=options, format="csv")
            assert reader.read().changes["shop"].added == 1000
            assert [one.headers.get("x-token") for one in server.asked if one.path == "/feed.csv"] == ["s3cret"]
            assert all("x-token" not in one.headers for one in other.asked)

    def test_a_variable_that_is_not_set_is_told(self) -> None:
        os.environ.pop("NO_SUCH_TOKEN", None)
        with pytest.raises(FeedError, match=r"Authorization.*not set"):
            header_values((("Authorization", "NO_SUCH_TOKEN"),))

    @pytest.mark.parametrize("text", ["Authorization", "Authorization=Bearer abc", "Host=NAME", "A B=NAME", "=NAME"])
    def test_what_is_no_variable_is_refused_without_repeating_it(self, text: str) -> None:
        with pytest.raises(QueryInvalid) as error:
            parse_header(text)
        assert "Bearer abc" not in str(error.value)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_one_that_is_cut_exactly_between_two_rows_is_told_by_its_length(
    server: ShopServer, reader: Reader, kind: str, packed: bool
) -> None:
    """Nothing in the rows tells it: only Content-Length does."""
    objects = [{"product_id": f"p{n}", "title": "Thing", "image_link": f"https://x.example/{n}.jpg"} for n in range(9)]
    lines = CSV.splitlines(keepends=True) if kind == "csv" else [json.dumps(one) + "\n" for one in objects]
    whole = "".join(lines).encode()
    reader.add(server.put("/feed", gzip.compress(whole) if packed else whole, "text/plain"))
    count = reader.read().changes["shop"].added
    assert count == len(lines) - (kind == "csv")
    # Another version, so that nothing of the former one serves.
    changed = whole.replace(b"Thing", b"Object")
    half = changed[: changed.index(b"\n", len(changed) // 2) + 1]
    body, cut = (gzip.compress(changed), len(gzip.compress(half))) if packed else (changed, len(half))
    server.put("/feed", body, "text/plain", cut=cut, etag=False)
    read = reader.read(LATER)
    assert "cut short" in read.failed[0]
    assert len(reader.entries()) == count
