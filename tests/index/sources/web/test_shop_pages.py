"""Shopify and WooCommerce by their addresses: all pages, each product once, their limits kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

import pytest

from index.records.source_options import SourceOptions
from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import Reply, ShopServer, put_shopify, put_woocommerce, shopify_product

LATER = date(2026, 1, 6)


def test_all_pages_of_a_shopify_shop_are_read(server: ShopServer, reader: Reader) -> None:
    reader.add(put_shopify(server, 600))
    assert reader.read().changes["shop"].added == 600
    entry = reader.entries()["7042"]
    assert (entry["title"], entry["brand"], entry["price"]) == ("Cup 42", "Mill", "12.00")
    assert entry["link"] == f"{server.url}/products/cup-42"
    assert server.counts()["/shopify/products.json"] == 5  # one to tell what it is, three pages, one that is empty
    server.reset()
    assert reader.read(LATER).changes["shop"].unchanged == 600
    assert {one.status for one in server.asked if "products.json" in one.path} == {304}


def test_all_pages_of_a_woocommerce_shop_are_read(server: ShopServer, reader: Reader) -> None:
    reader.add(put_woocommerce(server, 300))
    assert reader.read().changes["shop"].added == 300
    entry = reader.entries()["142"]
    assert (entry["title"], entry["brand"], entry["category"]) == ("Bowl & lid 42", "Umbra", "Bowls")
    assert (entry["price"], entry["link"]) == ("19.99 EUR", f"{server.url}/woo/bowl-42/")
    pages = [one.path for one in server.asked if "per_page=100" in one.path]
    assert len(pages) == 3  # X-WP-TotalPages is believed
    server.reset()
    assert reader.read(LATER).changes["shop"].unchanged == 300
    assert {one.status for one in server.asked if "per_page" in one.path} == {304}


@pytest.mark.parametrize(
    ("amount", "minor", "price"), [("5", 2, "0.05 EUR"), ("1500", 0, "1500 EUR"), ("", 2, ""), ("12.5", 2, "")]
)
def test_prices_of_woocommerce_are_in_minor_units(
    server: ShopServer, reader: Reader, amount: str, minor: int, price: str
) -> None:
    prices = {"price": amount, "currency_code": "EUR", "currency_minor_unit": minor}
    product = {"id": 1, "name": "Bowl", "prices": prices, "images": [{"src": "https://cdn.example/1.jpg"}]}
    server.put("/wp-json/wc/store/v1/products", json.dumps([product]), "application/json")
    reader.add(server.url, format="woocommerce")
    reader.read()
    assert reader.entries()["1"]["price"] == price


def shifting(server: ShopServer, listings: list[list[int]]) -> str:
    """A Shopify shop with two products a page whose list is another one for each request; its address."""
    left = list(listings)

    def page(query: Mapping[str, str], _: Mapping[str, str]) -> Reply:
        listed = left.pop(0) if len(left) > 1 else left[0]
        number = int(query.get("page", "1"))
        found = [shopify_product(one, "https://cdn.example") for one in listed[(number - 1) * 2 : number * 2]]
        return Reply(json.dumps({"products": found}).encode(), "application/json")

    server.routes["/products.json"] = page
    return server.url


def test_a_product_that_is_pushed_to_the_next_page_stays_one(server: ShopServer, reader: Reader) -> None:
    # Product 9 is added at the front after page 1 was read: 2 comes again on page 2.
    reader.add(shifting(server, [[1, 2, 3, 4], [9, 1, 2, 3, 4]]), format="shopify")
    assert reader.read().changes["shop"].added == 5
    assert sorted(reader.entries()) == ["7001", "7002", "7003", "7004", "7009"]


def test_a_product_that_is_pulled_to_a_page_already_read_is_not_lost(server: ShopServer, reader: Reader) -> None:
    url = shifting(server, [[1, 2, 3, 4, 5]])
    reader.add(url, format="shopify")
    assert reader.read().changes["shop"].added == 5
    # Product 1 is removed after page 1 was read: 3 moves to page 1, and neither page 1 nor page 2 showed it.
    shifting(server, [[1, 2, 3, 4, 5], [2, 3, 4, 5]])
    changes = reader.read(LATER).changes["shop"]
    assert changes.gone == 0
    assert reader.read(date(2026, 1, 7)).changes["shop"].gone == 1
    assert sorted(reader.entries()) == ["7002", "7003", "7004", "7005"]


def test_too_many_requests_are_waited_for(server: ShopServer, reader: Reader) -> None:
    url = put_shopify(server, 300)
    listed, refused = server.routes["/shopify/products.json"], []

    def slowed(query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        if query["page"] == "2" and not refused:
            refused.append(query)
            return Reply(status=429, headers={"Retry-After": "1"})
        assert not isinstance(listed, Reply)
        return listed(query, headers)

    server.routes["/shopify/products.json"] = slowed
    reader.add(url, format="shopify")
    assert reader.read().changes["shop"].added == 300
    assert refused


def test_a_page_that_cannot_be_had_changes_nobodys_standing(server: ShopServer, reader: Reader) -> None:
    url = put_shopify(server, 300)
    reader.add(url, format="shopify")
    reader.read()
    whole = server.routes["/shopify/products.json"]

    def broken(query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        assert not isinstance(whole, Reply)
        return Reply(b"<html>Sorry</html>") if query["page"] == "2" else whole(query, headers)

    server.routes["/shopify/products.json"] = broken
    (failure,) = reader.read(LATER).failed
    assert "answered with no page of products: it begins with '<html>Sorry</html>'" in failure
    assert len(reader.entries()) == 300


def test_a_shop_that_shows_the_same_page_for_ever_ends(server: ShopServer, reader: Reader) -> None:
    same = [shopify_product(one, "https://cdn.example") for one in range(3)]
    server.put("/products.json", json.dumps({"products": same}), "application/json")
    reader.add(server.url, format="shopify")
    assert reader.read().changes["shop"].added == 3
    assert server.counts()["/products.json"] <= 6


def test_the_cursor_of_the_admin_api_is_followed(
    server: ShopServer, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "t0ken")
    at = "/admin/api/2026-01/products.json"

    def page(query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        if headers.get("x-shopify-access-token") != "t0ken":
            return Reply(status=401)
        assert "page" not in query
        first = "page_info" not in query
        found = [shopify_product(one, "https://cdn.example") for one in (range(2) if first else range(2, 3))]
        link = {"Link": f'<{server.url}{at}?limit=250&page_info=abc>; rel="next"'} if first else {}
        last = {"Link": f'<{server.url}{at}?page_info=z>; rel="previous"'} if not first else {}
        return Reply(json.dumps({"products": found}).encode(), "application/json", headers=link or last)

    server.routes[at] = page
    reader.add(server.url + at, options=SourceOptions(headers=(("X-Shopify-Access-Token", "SHOP_TOKEN"),)))
    assert reader.read().changes["shop"].added == 3
