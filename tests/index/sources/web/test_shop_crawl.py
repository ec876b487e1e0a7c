"""Any shop by its sitemaps: what is asked for, when, what goes, and what a killed crawl does."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from index.records.source_options import SourceOptions
from tests.index.sources.web.reading import FIRST, QUICK, Reader
from tests.index.sources.web.shop_server import (
    Reply,
    ShopServer,
    product_page,
    put_sitemap_shop,
    sitemap_index,
    urlset,
)

SECOND, THIRD = FIRST + timedelta(days=1), FIRST + timedelta(days=2)


def asked_pages(server: ShopServer) -> Counter[str]:
    return Counter({path: n for path, n in server.counts().items() if path.startswith("/product/")})


def small_shop(server: ShopServer, products: int = 6, *, lastmod: str = "2026-01-01") -> str:
    return put_sitemap_shop(server, products, lastmod)


def test_three_levels_of_sitemaps_lead_to_every_product(server: ShopServer, reader: Reader) -> None:
    reader.add(small_shop(server, 120))
    assert reader.read().changes["shop"].added == 120
    entry = reader.entries()["T-42"]
    assert (entry["title"], entry["price"]) == ("Thing 42", "9.50 EUR")
    assert entry["source_page"] == f"{server.url}/product/42"
    assert f"{server.url}/images/42.jpg" in reader.references()
    assert set(asked_pages(server).values()) == {1}


def test_a_page_whose_lastmod_is_unchanged_is_not_asked_again(server: ShopServer, reader: Reader) -> None:
    reader.add(small_shop(server))
    reader.read()
    server.reset()
    assert reader.read(SECOND).changes["shop"].unchanged == 6
    assert not asked_pages(server)
    pages = {f"{server.url}/product/{n}": "2026-01-05" if n == 3 else "2026-01-01" for n in range(6)}
    server.put("/sitemaps/0.xml.gz", urlset(pages), "application/xml")
    for path in ("/sitemaps/products.xml", "/sitemap.xml"):
        body = server.routes[path].body.decode().replace("2026-01-01", "2026-01-05")  # type: ignore[union-attr]
        server.put(path, body, "application/xml")
    server.put("/product/3", product_page("Thing 3, better", "/images/3.jpg", sku="T-3"))
    server.reset()
    assert reader.read(THIRD).changes["shop"].changed == 1
    assert asked_pages(server) == {"/product/3": 1}


def test_without_lastmod_a_page_is_asked_conditionally_once_a_week(server: ShopServer, reader: Reader) -> None:
    reader.add(small_shop(server, lastmod=""))
    reader.read()
    server.reset()
    reader.read(SECOND)
    assert not asked_pages(server)
    reader.read(FIRST + timedelta(days=7))
    assert {one.status for one in server.asked if one.path.startswith("/product/")} == {304}
    assert len(reader.entries()) == 6


def test_a_budget_of_pages_is_continued_the_next_night(server: ShopServer, reader: Reader) -> None:
    reader.add(small_shop(server, 25), options=SourceOptions(pages_a_night=10))
    first = reader.read()
    assert first.changes["shop"].added == 10
    assert first.notes == ("shop: 15 pages are left for the following nights",)
    again = reader.read()
    assert again.changes["shop"].added == 0
    assert reader.read(SECOND).changes["shop"].added == 10
    assert reader.read(THIRD).changes["shop"].added == 5
    assert set(asked_pages(server).values()) == {1}
    assert len(asked_pages(server)) == 25


@pytest.mark.parametrize(
    ("reply", "days", "left"),
    [
        (Reply(status=404), 1, 5),
        (Reply(status=410), 1, 5),
        (Reply(product_page("Thing 2", "/images/2.jpg", sku="T-2", availability="Discontinued").encode()), 1, 5),
        (Reply(b"<!doctype html><html><title>Our shop</title>Gone for good</html>"), 1, 6),
        (Reply(b"<!doctype html><html><title>Our shop</title>Gone for good</html>"), 2, 5),
        (None, 3, 6),
        (Reply(status=500), 3, 6),
    ],
)
def test_what_left_the_sitemap_goes_only_when_its_page_says_so(
    server: ShopServer, reader: Reader, reply: Reply | None, days: int, left: int
) -> None:
    """An answer without a product may be an error page: another day has to confirm it."""
    reader.add(small_shop(server))
    reader.read()
    pages = {f"{server.url}/product/{n}": "2026-01-01" for n in range(6) if n != 2}
    server.put("/sitemap.xml", urlset(pages), "application/xml")
    if reply:
        server.routes["/product/2"] = reply
    for day in range(1, days + 1):
        reader.read(FIRST + timedelta(days=day))
    assert len(reader.entries()) == left


def test_a_page_that_left_the_sitemap_and_stays_is_not_asked_every_night(server: ShopServer, reader: Reader) -> None:
    reader.add(small_shop(server))
    reader.read()
    server.put("/sitemap.xml", urlset({f"{server.url}/product/0": "2026-01-01"}), "application/xml")
    server.reset()
    reader.read(SECOND)
    assert len(asked_pages(server)) == 5
    server.reset()
    reader.read(THIRD)
    assert not asked_pages(server)
    assert len(reader.entries()) == 6


def test_a_sitemap_that_cannot_be_read_takes_nothing_away(server: ShopServer, reader: Reader) -> None:
    reader.add(small_shop(server))
    reader.read()
    for path in ("/sitemaps/products.xml", "/sitemap.xml"):
        body = server.routes[path].body.decode().replace("2026-01-01", "2026-01-05")  # type: ignore[union-attr]
        server.put(path, body, "application/xml")
    server.put("/sitemaps/0.xml.gz", '<?xml version="1.0"?><urlset><url><loc>http://x', "application/xml")
    server.reset()
    reader.read(SECOND)
    assert not asked_pages(server)
    assert len(reader.entries()) == 6
    assert "ends in the middle" in reader.refused()["bad-sitemap"]


def test_pages_that_differ_at_each_request_change_nothing(server: ShopServer, reader: Reader) -> None:
    count = iter(range(10_000))

    def page(*_: object) -> Reply:
        body = product_page("Thing", "/images/0.jpg", sku="T-0") + f"<!-- {next(count)} -->"
        return Reply(body.encode())

    server.put("/sitemap.xml", urlset({f"{server.url}/product/0": ""}), "application/xml")
    server.routes["/product/0"] = page
    server.put("/", "<!doctype html><html></html>")
    reader.add(f"{server.url}/")
    assert reader.read().changes["shop"].added == 1
    for days in (7, 14, 21):
        assert reader.read(FIRST + timedelta(days=days)).changes["shop"].unchanged == 1


def test_a_page_that_is_cut_short_keeps_what_it_showed(server: ShopServer, reader: Reader) -> None:
    """Its server sent half of it as if it were the whole: no length tells it, only that the page does not end."""
    reader.add(small_shop(server))
    reader.read()
    whole = product_page("Thing 1", "/images/1.jpg", sku="T-1")
    for number in range(6):
        server.put(
            f"/product/{number}", whole[: len(whole) // 3] if number == 1 else whole.replace("T-1", f"T-{number}")
        )
    for path in ("/sitemaps/0.xml.gz", "/sitemaps/products.xml", "/sitemap.xml"):
        body = server.routes[path].body  # type: ignore[union-attr]
        text = gzip.decompress(body) if path.endswith(".gz") else body
        server.put(path, text.replace(b"2026-01-01", b"2026-01-05"), "application/xml")
    reader.read(SECOND)
    assert len(reader.entries()) == 6
    assert "ends in the middle" in reader.refused()["cut-short"]
    # Another day mends it, and it is asked for in full then.
    server.put("/product/1", whole)
    reader.read(SECOND + timedelta(days=1))
    assert "cut-short" not in reader.refused()
    assert len(reader.entries()) == 6


class TestRights:
    @pytest.mark.parametrize(
        "head",
        [
            '<meta name="robots" content="noai">',
            '<meta name="robots" content="index, noimageai">',
            '<meta name="TraceObject-Test" content="noai">',
            '<meta name="tdm-reservation" content="1">',
        ],
    )
    def test_what_a_page_reserves_is_left_out_and_told(self, server: ShopServer, reader: Reader, head: str) -> None:
        url = small_shop(server)
        for n in (1, 2):
            server.put(f"/product/{n}", product_page(f"Thing {n}", f"/images/{n}.jpg", sku=f"T-{n}", head=head))
        reader.add(url)
        reader.read()
        assert sorted(reader.entries()) == ["T-0", "T-3", "T-4", "T-5"]
        assert "2 addresses were left out" in reader.refused()["opted-out"]
        reader.read(SECOND)
        assert "2 addresses were left out" in reader.refused()["opted-out"]

    @pytest.mark.parametrize("header", [{"X-Robots-Tag": "noai, noimageai"}, {"tdm-reservation": "1"}])
    def test_what_a_header_reserves_is_left_out(
        self, server: ShopServer, reader: Reader, header: dict[str, str]
    ) -> None:
        url = small_shop(server)
        page = product_page("Thing 1", "/images/1.jpg", sku="T-1")
        server.put("/product/1", page, headers=header)
        reader.add(url)
        reader.read()
        assert "T-1" not in reader.entries()
        assert "opted-out" in reader.refused()

    def test_tdmrep_and_robots_are_honoured_before_anything_is_asked(self, server: ShopServer, reader: Reader) -> None:
        url = small_shop(server)
        rules = '[{"location": "/product/1", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]'
        server.put("/.well-known/tdmrep.json", rules, "application/json")
        server.put(
            "/robots.txt", f"User-agent: *\nDisallow: /product/2\nSitemap: {server.url}/sitemap.xml", "text/plain"
        )
        reader.add(url)
        reader.read()
        assert sorted(reader.entries()) == ["T-0", "T-3", "T-4", "T-5"]
        assert not {"/product/1", "/product/2"} & set(asked_pages(server))
        assert {"opted-out", "robots-disallowed"} <= set(reader.refused())

    def test_pictures_that_tdmrep_reserves_are_not_asked(self, server: ShopServer, reader: Reader) -> None:
        url = small_shop(server)
        rules = '[{"location": "/images/*$", "tdm-reservation": 1}]'
        server.put("/.well-known/tdmrep.json", rules, "application/json")
        reader.add(url)
        assert reader.read(pictures=True).new_images == 0
        assert not any(path.startswith("/images/") for path in server.counts())

    def test_an_authority_publishes_to_be_asked(self, server: ShopServer, reader: Reader) -> None:
        server.put("/.well-known/tdmrep.json", '[{"location": "/", "tdm-reservation": 1}]', "application/json")
        feed = "object_id,title,image_link\nE-1,Shirt,https://x.example/1.jpg\n"
        reader.add(server.put("/objects.csv", feed, "text/csv"), collection="objects")
        assert reader.read().changes["shop"].added == 1


class TestHostile:
    def test_endless_sitemaps_end(self, server: ShopServer, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("index.sources.web.sitemap_walk.MOST_SITEMAPS", 20)
        count = iter(range(10_000))

        def endless(*_: object) -> Reply:
            links = {f"{server.url}/more?{next(count)}": "" for _ in range(10)}
            return Reply(sitemap_index(links).encode(), "application/xml")

        server.routes["/more"] = endless
        server.put("/product/0", product_page("Thing", "/images/0.jpg"))
        roots = sitemap_index({f"{server.url}/pages.xml": "", f"{server.url}/more?x": ""})
        server.put("/sitemap.xml", roots, "application/xml")
        server.put("/pages.xml", urlset({f"{server.url}/product/0": ""}), "application/xml")
        reader.add(f"{server.url}/sitemap.xml")
        assert reader.read().changes["shop"].added == 1
        assert "more than 20 sitemaps" in reader.refused()["endless-sitemap"]
        assert sum(server.counts().values()) < 40

    def test_deeply_nested_sitemaps_end(self, server: ShopServer, reader: Reader) -> None:
        for level in range(20):
            links = {f"{server.url}/s/{level + 1}.xml": ""}
            server.put(f"/s/{level}.xml", sitemap_index(links), "application/xml")
        reader.add(f"{server.url}/s/0.xml")
        reader.read()
        assert "nested more than 5 levels" in reader.refused()["endless-sitemap"]
        assert "/s/6.xml" not in server.counts()

    def test_private_addresses_in_a_sitemap_are_not_contacted(self, server: ShopServer, reader: Reader) -> None:
        links = {"http://10.0.0.1/sitemap.xml": "", "http://169.254.169.254/latest": "", f"{server.url}/pages.xml": ""}
        server.put("/sitemap.xml", sitemap_index(links), "application/xml")
        pages = {"http://192.168.0.1/product/1": "", "file:///etc/passwd": "", f"{server.url}/product/0": ""}
        server.put("/pages.xml", urlset(pages), "application/xml")
        server.put("/product/0", product_page("Thing", "/images/0.jpg"))
        reader.add(f"{server.url}/sitemap.xml")
        assert reader.read().changes["shop"].added == 1
        refused = reader.refused()
        assert "10.0.0.1: leads to 10.0.0.1 (private)" in refused["address-refused"]
        assert "a page of another host" in refused["other-site"]

    def test_a_bomb_for_a_sitemap_is_refused(self, server: ShopServer, reader: Reader) -> None:
        server.put("/sitemap.xml", gzip.compress(b"<urlset>" + b" " * 60_000_000), "application/gzip")
        reader.add(f"{server.url}/sitemap.xml")
        (failure,) = reader.read().failed
        assert "unpacks to more than 50,000,000 bytes" in failure

    def test_a_sitemap_with_entities_is_not_expanded(self, server: ShopServer, reader: Reader) -> None:
        bomb = '<!DOCTYPE u [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        server.put("/sitemap.xml", f"{bomb}<urlset><url><loc>{server.url}/&b;</loc></url></urlset>", "application/xml")
        reader.add(f"{server.url}/sitemap.xml", format="sitemap")
        read = reader.read()
        assert read.failed or not reader.entries()
        assert not any("aaaa" in path for path in server.counts())

    def test_a_site_that_is_no_shop_is_one_clear_line(self, server: ShopServer, reader: Reader) -> None:
        reader.add(server.put("/", "<!doctype html><html><title>Hello</title></html>"))
        (failure,) = reader.read().failed
        assert "neither a feed nor a Shopify or WooCommerce shop" in failure

    def test_redirect_loops_of_pages_are_told(self, server: ShopServer, reader: Reader) -> None:
        url = small_shop(server)
        server.routes["/product/1"] = Reply(status=302, headers={"Location": "/product/1"})
        reader.add(url)
        assert reader.read().changes["shop"].added == 5
        assert "redirects more than 5 times" in reader.refused()["redirect-refused"]


def crawl(root: str, netloc: str) -> None:
    Reader(Path(root), frozenset({netloc}), limits=QUICK).read()


@pytest.mark.slow
def test_killed_twenty_times_it_goes_on_and_asks_no_page_twice(server: ShopServer, tmp_path: Path) -> None:
    """Killed at any instant. What was kept is never asked again: only a page on its way at that instant may be."""
    url = put_sitemap_shop(server, 400)
    undisturbed = Reader(tmp_path / "a", frozenset({server.netloc}))
    undisturbed.root.mkdir()
    undisturbed.add(url)
    undisturbed.read()
    disturbed = Reader(tmp_path / "b", frozenset({server.netloc}))
    disturbed.root.mkdir()
    disturbed.add(url)
    server.reset()
    random_waits, kills = random.Random(0), 0
    context = multiprocessing.get_context("spawn")
    while kills < 20:
        process = context.Process(target=crawl, args=(str(disturbed.root), server.netloc))
        process.start()
        begun = len(asked_pages(server))
        on_record = kept(disturbed)
        deadline = time.monotonic() + 60
        while len(asked_pages(server)) < begun + 3 and process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(random_waits.uniform(0, 0.02))
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.join()
        assert on_record <= kept(disturbed)
    disturbed.read()
    asked = asked_pages(server)
    twice = [path for path, count in asked.items() if count > 1]
    sys.stdout.write(
        f"killed {kills} times; {len(asked)} pages, {len(twice)} asked for again, on their way when it was killed\n"
    )
    assert kills == 20
    assert len(asked) == 400
    assert len(twice) <= kills * 2 * QUICK.per_host
    assert disturbed.entries().keys() == undisturbed.entries().keys()
    left_out = {"id", "source_id", "reading"}
    for name, fields in undisturbed.entries().items():
        ours = disturbed.entries()[name]
        assert {k: v for k, v in ours.items() if k not in left_out} == {
            k: v for k, v in fields.items() if k not in left_out
        }


def kept(reader: Reader) -> set[str]:
    """The paths of the pages that are on record."""
    from index.records.catalogue import Catalogue
    from index.records.pages import Pages

    with Catalogue.open(reader.url) as catalogue:
        (source,) = catalogue.sources()
        return {url.partition("/product")[2] for url in Pages(catalogue.database, source).all()}
