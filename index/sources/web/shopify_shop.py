"""A Shopify shop by its address: all pages of its products.json.

A shop, and each collection of one, has a public list of its products: `/products.json?limit=250&page=1`. The Admin API
has the same under `/admin/api/VERSION/products.json`, with a header for its token and a cursor in the Link header.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin

from index.sources.web.feed_writer import write_document
from index.sources.web.job import Delivery, WebJob
from index.sources.web.json_pages import JsonPages, Product, listed_under, shop_address

PAGE_SIZE = 250
LIST = "products.json"

find_products = listed_under("products")


def deliver_shopify(job: WebJob) -> Delivery:
    """The shop's products as one products.json, each with its own link.

    Raises:
        Failure, FeedError: a page of them cannot be had.
    """
    base = products_address(job.url)
    cursor = "/admin/api/" in base

    def address(number: int) -> str:
        # With a cursor the Admin API refuses page numbers.
        return f"{base}?limit={PAGE_SIZE}" if cursor else f"{base}?limit={PAGE_SIZE}&page={number}"

    products = _linked(JsonPages(job, address, find_products), base)
    path = write_document(job.first(products), "products", job.folder)
    return Delivery(path, "shopify")


def products_address(url: str) -> str:
    """The address of the list of products, whether the shop, a collection or the list itself was given."""
    address = shop_address(url)
    return address if address.endswith(f"/{LIST}") else f"{address}/{LIST}"


def _linked(products: JsonPages, base: str) -> Iterator[Product]:
    for product in products:
        handle = product.get("handle")
        if isinstance(handle, str) and handle and "url" not in product:
            product["url"] = urljoin(base, f"/products/{handle}")
        yield product
