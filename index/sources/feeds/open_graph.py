"""The product of a page that describes it in Open Graph alone: https://ogp.me, and Meta's properties of products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from index.sources.feeds.json_ld import ProductFields


def open_graph(properties: Sequence[tuple[str, str]]) -> Iterator[ProductFields]:
    """Yield the product that a page's meta elements describe, if its type is one, or it has a product's properties."""
    values: dict[str, list[str]] = {}
    for name, content in properties:
        if content.strip():
            values.setdefault(name, []).append(content.strip())

    def first(*names: str) -> str:
        return next((values[name][0] for name in names if name in values), "")

    is_product = "product" in first("og:type").casefold() or any(name.startswith("product:") for name in values)
    images = [*values.get("og:image:secure_url", ()), *values.get("og:image", ()), *values.get("og:image:url", ())]
    if not is_product or not images:
        return
    yield {
        "id": first("product:retailer_item_id", "product:sku", "product:upc", "product:ean", "product:isbn"),
        "name": first("og:title", "twitter:title"),
        "brand": first("product:brand", "og:brand"),
        "category": first("product:category"),
        "price": first("product:price:amount", "og:price:amount"),
        "currency": first("product:price:currency", "og:price:currency"),
        "link": first("og:url"),
        "retailer": first("og:site_name"),
        "country": "",
        "available_from": "",
        "available_until": "",
        "made_in": "",
        "gtin": first("product:gtin", "product:ean", "product:upc"),
        "variant_group": first("product:item_group_id"),
        "description": first("og:description", "description"),
        "licence": "",
        "image": images,
    }
