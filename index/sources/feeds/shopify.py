"""A Shopify shop's `products.json`, as `https://SHOP/products.json` or the Admin API give it.

A product is one row with all its pictures. Where it comes in several colours and pictures are assigned to variants of
different colours, each of these colours is a row of its own, `ID/colour`, with the pictures and the link of its
variants; the pictures that belong to no colour stay with the row `ID`. A Google feed of the same shop separates
colours too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from index.records.entries import join_values
from index.records.feed_records import FeedRow, Refusal, RefusedRow
from index.sources.feeds import json_items, text
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.jsonl import one_a_line

_COLOUR = frozenset(
    ("color", "colour", "colors", "colours", "couleur", "farbe", "kleur", "colore", "cor", "färg", "väri", "barva")
)


class ShopifyReader:
    """Reads `{"products": [...]}` or a bare list of Shopify's products."""

    format = "shopify"

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Whether the JSON's first product has a handle and variants."""
        start = text.head_text(head, feed.encoding)
        listed = start.lstrip()[:1] in ("{", "[") and not one_a_line(start)
        return listed and '"handle"' in start and ('"variants"' in start or '"body_html"' in start)

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each object names its own."""
        return None

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the rows by the ordinal of the product. Raises FeedError, FeedIncomplete."""
        for item in json_items.items(feed):
            where = f"{feed}:{item.line} (item {item.number})"
            if item.broken:
                yield RefusedRow(where, "bad-json", f"the item is not JSON: {item.broken}", json_items.pairs(item.raw))
            elif not isinstance(item.value, dict):
                yield Refusal(where, "not-an-object", "a row is an object {...}")
            else:
                yield from _rows(item.value, item.number, where)


def _rows(item: Mapping[str, object], number: int, where: str) -> Iterator[FeedRow]:
    variants = _objects(item.get("variants"))
    images = _objects(item.get("images")) or _objects([item.get("image")])
    identity, title = _text(item, "id") or _text(item, "handle"), _text(item, "title")
    link = _text(item, "url") or (f"/products/{_text(item, 'handle')}" if _text(item, "handle") else "")
    fields = {
        "id": identity,
        "title": title,
        "vendor": _text(item, "vendor"),
        "product_type": _text(item, "product_type"),
        "link": link,
        "price": _price(variants),
        "published_at": _text(item, "published_at") or _text(item, "created_at"),
        "body_html": _text(item, "body_html"),
        "barcode": _barcodes(variants),
    }
    colours = _colours(item, variants)
    owned: dict[str, list[str]] = {}
    shared: list[str] = []
    for image in images:
        ids = image.get("variant_ids")
        seen = {colours.get(str(one), "") for one in ids} - {""} if isinstance(ids, list) else set()
        (owned.setdefault(seen.pop(), []) if len(seen) == 1 else shared).append(_text(image, "src"))
    if len(owned) < 2:
        yield FeedRow(number, fields, _distinct(_text(image, "src") for image in images), where)
        return
    if shared:
        yield FeedRow(number, {**fields, "variant_group": identity}, _distinct(shared), where)
    for colour, pictures in owned.items():
        of_colour = [variant for variant in variants if colours.get(_text(variant, "id")) == colour]
        own = {
            **fields,
            "id": f"{identity}/{colour}" if identity else "",
            "title": f"{title} - {colour}",
            "link": f"{link}?variant={_text(of_colour[0], 'id')}" if link else "",
            "price": _price(of_colour),
            "barcode": _barcodes(of_colour),
            "variant_group": identity,
        }
        yield FeedRow(number, own, _distinct(pictures), where)


def _colours(item: Mapping[str, object], variants: list[Mapping[str, object]]) -> dict[str, str]:
    """Return each variant's colour by the variant's id; empty where no option is a colour."""
    for position, option in enumerate(_objects(item.get("options")), start=1):
        if _text(option, "name").casefold() in _COLOUR:
            return {_text(variant, "id"): _text(variant, f"option{position}") for variant in variants}
    return {}


def _price(variants: list[Mapping[str, object]]) -> str:
    return _text(variants[0], "price") if variants else ""


def _barcodes(variants: list[Mapping[str, object]]) -> str:
    return join_values(_text(variant, "barcode") for variant in variants)


def _objects(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(item: Mapping[str, object], name: str) -> str:
    value = item.get(name)
    return value.strip() if isinstance(value, str) else ""


def _distinct(references: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference for reference in references if reference))
