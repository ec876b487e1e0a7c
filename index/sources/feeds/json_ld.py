"""Products in JSON-LD: the nodes of schema.org's Product wherever they lie, and the fields of each.

Vocabulary: https://schema.org/Product, /ProductGroup, /Offer, /AggregateOffer, /ImageObject.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TypedDict

from index.records.entries import join_values

_PRODUCT = frozenset(("product", "productgroup", "individualproduct", "productmodel", "someproducts"))
# Properties that lead to a page's own products; isRelatedTo and isSimilarTo name products of other pages, incompletely.
_INTO = ("@graph", "mainEntity", "itemListElement", "item", "hasVariant")
_IDENTIFIERS = ("productID", "sku", "mpn", "gtin14", "gtin13", "gtin12", "gtin8", "gtin", "@id", "url")
_GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8")
_DEPTH = 12

Node = Mapping[str, object]


class ProductFields(TypedDict):
    """The fields of a product's node, empty where it has none. Picture references are as written."""

    id: str
    name: str
    brand: str
    category: str
    price: str
    currency: str
    link: str
    retailer: str
    country: str
    available_from: str
    available_until: str
    made_in: str
    gtin: str
    variant_group: str
    description: str
    license: str
    image: list[str]


def products(documents: list[object]) -> Iterator[ProductFields]:
    """Yield the products of a page's JSON-LD documents, a group's variants instead of the group."""
    nodes: dict[str, Node] = {}
    for document in documents:
        _note(document, nodes, _DEPTH)
    for document in documents:
        for product, group in _found(document, {}, _DEPTH):
            yield _fields({**{name: group[name] for name in _INHERITED if name in group}, **product}, nodes)


# Properties that a variant inherits from its group where it has none of its own.
_INHERITED = (
    *("name", "brand", "category", "image", "url", "offers"),
    *("productGroupID", "countryOfOrigin", "description", "license"),
)


def _note(value: object, nodes: dict[str, Node], depth: int) -> None:
    """Collect the nodes that others may refer to by `@id`."""
    if not depth:
        return
    if isinstance(value, list):
        for one in value:
            _note(one, nodes, depth - 1)
    elif isinstance(value, dict):
        name = value.get("@id")
        if isinstance(name, str) and len(value) > 1:
            nodes.setdefault(name, value)
        for one in value.values():
            _note(one, nodes, depth - 1)


def _found(value: object, group: Node, depth: int) -> Iterator[tuple[Node, Node]]:
    """Yield each product's node with that of the group around it."""
    if not depth:
        return
    if isinstance(value, list):
        for one in value:
            yield from _found(one, group, depth - 1)
    elif isinstance(value, dict):
        types = _types(value)
        variants = isinstance(value.get("hasVariant"), list | dict)
        if types & _PRODUCT:
            if not variants:
                yield value, group
                return
            group = value
        for name in _INTO:
            yield from _found(value.get(name), group, depth - 1)


def _types(node: Node) -> set[str]:
    types = node.get("@type")
    listed = types if isinstance(types, list) else [types]
    return {one.replace("#", "/").replace(":", "/").rpartition("/")[2].casefold() for one in listed if type(one) is str}


def _fields(node: Node, nodes: Mapping[str, Node]) -> ProductFields:
    offer = _offer(node, nodes)
    price = _object(offer.get("priceSpecification"), nodes)
    return {
        "id": next((found for name in _IDENTIFIERS if (found := _text(node.get(name)))), ""),
        "name": _text(node.get("name")),
        "brand": _names(node.get("brand"), nodes) or _names(node.get("manufacturer"), nodes),
        "category": _name(node.get("category"), nodes),
        "price": _text(offer.get("price")) or _text(offer.get("lowPrice")) or _text(price.get("price")),
        "currency": _text(offer.get("priceCurrency")) or _text(price.get("priceCurrency")),
        "link": _text(node.get("url")) or _text(offer.get("url")),
        "retailer": _name(offer.get("seller"), nodes) or _name(offer.get("offeredBy"), nodes),
        "country": _names(offer.get("eligibleRegion"), nodes),
        "available_from": _text(offer.get("availabilityStarts")),
        "available_until": _text(offer.get("availabilityEnds")),
        "made_in": _names(node.get("countryOfOrigin"), nodes),
        "gtin": next((found for of in (node, offer) for name in _GTINS if (found := _names(of.get(name), nodes))), ""),
        "variant_group": _text(node.get("inProductGroupWithID"))
        or _text(node.get("productGroupID"))
        or _text(_object(node.get("isVariantOf"), nodes).get("productGroupID")),
        "description": _text(node.get("description")),
        "license": _text(node.get("license")) or _text(_object(node.get("license"), nodes).get("url")),
        "image": _images(node.get("image"), nodes, _DEPTH),
    }


def _offer(node: Node, nodes: Mapping[str, Node]) -> Node:
    """Return the first offer; the properties of an AggregateOffer take precedence over those of the offers in it."""
    offer = _object(node.get("offers"), nodes)
    return {**_object(offer.get("offers"), nodes), **offer} if "offers" in offer else offer


def _object(value: object, nodes: Mapping[str, Node]) -> Node:
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, dict)), None)
    if not isinstance(value, dict):
        return {}
    name = value.get("@id")
    return nodes.get(name, value) if isinstance(name, str) and len(value) == 1 else value


def _text(value: object) -> str:
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, str)), "")
    if isinstance(value, dict):
        value = value.get("@value")
    # Shops write entities into JSON although a script is not HTML.
    return html.unescape(value).strip() if isinstance(value, str) else ""


def _name(value: object, nodes: Mapping[str, Node]) -> str:
    return _text(value) or _text(_object(value, nodes).get("name"))


def _names(value: object, nodes: Mapping[str, Node]) -> str:
    """Every name, as one text of several."""
    return join_values(_name(one, nodes) for one in (value if isinstance(value, list) else [value]))


def _images(value: object, nodes: Mapping[str, Node], depth: int) -> list[str]:
    if isinstance(value, list) and depth:
        return [address for one in value for address in _images(one, nodes, depth - 1)]
    if isinstance(value, dict):
        node = _object(value, nodes)
        value = node.get("contentUrl") or node.get("url") or node.get("@id")
    address = _text(value) if isinstance(value, str) else ""
    return [address] if address else []
