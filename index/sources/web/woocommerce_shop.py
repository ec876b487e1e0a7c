"""A WooCommerce shop by its address: all pages of its Store API.

API: https://developer.woocommerce.com/docs/apis/store-api/resources-endpoints/products/
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping

from index.sources.web.feed_writer import write_rows
from index.sources.web.job import Delivery, WebJob
from index.sources.web.json_pages import JsonPages, Product, shop_address, whole_list

PAGE_SIZE = 100
ENDPOINT = "/wp-json/wc/store/v1/products"


def deliver_woocommerce(job: WebJob) -> Delivery:
    """The shop's products as rows.

    Raises:
        Failure, FeedError: a page of them cannot be had.
    """
    base = products_address(job.url)

    def address(number: int) -> str:
        # By id, so that a product that is added moves no other one.
        return f"{base}?page={number}&per_page={PAGE_SIZE}&orderby=id&order=asc"

    rows = _rows(JsonPages(job, address, whole_list))
    return Delivery(write_rows(job.first(rows), job.folder), "jsonl")


def products_address(url: str) -> str:
    """The address of the list of products, whether the shop or the list itself was given."""
    address = shop_address(url)
    return address if "/wp-json/" in address else address + ENDPOINT


def _rows(products: Iterable[Product]) -> Iterator[dict[str, object]]:
    for product in products:
        yield {
            "id": str(product["id"]),
            "title": _text(product, "name"),
            "brand": " | ".join(_names(product.get("brands"))),
            "category": next(iter(_names(product.get("categories"))), ""),
            "link": _text(product, "permalink"),
            "price": _price(product.get("prices")),
            "description": _text(product, "description") or _text(product, "short_description"),
            "image_link": [_text(image, "src") for image in _objects(product.get("images"))],
        }


def _price(prices: object) -> str:
    """The price in major units: the API gives it in minor ones, "1999" for 19.99 EUR."""
    if not isinstance(prices, Mapping):
        return ""
    amount, minor = _text(prices, "price"), prices.get("currency_minor_unit", 2)
    if not amount.isdecimal() or not isinstance(minor, int) or not 0 <= minor <= 6:
        return ""
    padded = amount.rjust(minor + 1, "0")
    major = f"{padded[:-minor]}.{padded[-minor:]}" if minor else padded
    return f"{major} {_text(prices, 'currency_code')}".strip()


def _names(listed: object) -> list[str]:
    return [name for one in _objects(listed) if (name := _text(one, "name"))]


def _objects(listed: object) -> list[Mapping[str, object]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _text(item: Mapping[str, object], name: str) -> str:
    value = item.get(name)
    return html.unescape(value).strip() if isinstance(value, str) else ""
