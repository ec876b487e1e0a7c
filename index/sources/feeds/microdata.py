"""Microdata in a web page as JSON-LD has it, with extruct (the extra `feeds`)."""

from __future__ import annotations

from collections.abc import Mapping

from index.sources.feeds.extras import load

_DEPTH = 12


def microdata(page: str, address: str) -> list[object]:
    """Return the items of a page's microdata as nodes of JSON-LD; none of a page that is nested without end.

    Args:
        page: its text; address: its own, from which relative ones start; empty where it is not known.
    """
    html = load("lxml.html", "a web page with microdata")
    extractor = load("extruct.w3cmicrodata", "a web page with microdata").MicrodataExtractor()
    try:
        tree = html.fromstring(page)
        return [_node(item, _DEPTH) for item in extractor.extract_items(tree, address or None)]
    except (ValueError, RecursionError, html.etree.LxmlError):
        return []


def _node(item: object, depth: int) -> object:
    """An item as a node: its type as `@type`, its properties as its own."""
    if isinstance(item, list):
        return [_node(one, depth - 1) for one in item] if depth else []
    if not isinstance(item, Mapping):
        return item
    properties = item.get("properties") if depth else None
    node = (
        {name: _node(value, depth - 1) for name, value in properties.items()} if isinstance(properties, Mapping) else {}
    )
    return {"@type": item.get("type"), **({"@id": item["id"]} if "id" in item else {}), **node}
