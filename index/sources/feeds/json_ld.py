"""Products in JSON-LD: the nodes of schema.org's Product wherever they lie, and the fields of each.

Vocabulary: https://schema.org/Product, /ProductGroup, /Offer, /AggregateOffer, /ImageObject. A variant may lie in its
group (hasVariant), or point to it (isVariantOf), or be pointed to by it, by `@id` or by address.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TypedDict

from index.records.entries import join_values

_PRODUCT = frozenset(("product", "productgroup", "individualproduct", "productmodel", "someproducts"))
# Properties that lead to a page's own products; isRelatedTo and isSimilarTo name products of other pages, incompletely.
_INTO = ("@graph", "mainEntity", "itemListElement", "item", "hasVariant")
IDENTIFIERS = (
    *("productID", "sku", "mpn", "gtin14", "gtin13", "gtin12", "gtin8", "gtin", "productGroupID", "@id", "url"),
)
_GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8")
# Properties that a variant inherits from its group where it has none of its own.
_INHERITED = (
    *("name", "brand", "manufacturer", "category", "image", "url", "offers"),
    *("countryOfOrigin", "description", "license"),
)
_DEPTH = 12
# What a node has that does no more than refer to another.
_REFERENCE = frozenset(("@type", "@id", "url"))

Node = Mapping[str, object]


class ProductFields(TypedDict):
    """The fields of a product's node, empty where it has none. Picture references are as written.

    `id` is the product's own, `variant_group` that of its group.
    """

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
    licence: str
    image: list[str]


def products(documents: list[object]) -> Iterator[ProductFields]:
    """Yield the products of a page's documents; of a group its variants, or the group itself where it has none here."""
    page = _Page(documents)
    for node, group in page.products():
        own = _first_text(node, IDENTIFIERS)
        inherited = {name: group[name] for name in _INHERITED if name in group}
        named = _first_text(group, ("productGroupID", *IDENTIFIERS))
        yield _fields({**inherited, **_filled(node)}, page.nodes, own, named)


class _Page:
    """The nodes of a page, and which group each variant belongs to."""

    def __init__(self, documents: list[object]) -> None:
        self._documents = documents
        self.nodes: dict[str, Node] = {}
        self._groups: dict[str, Node] = {}
        self._products: dict[str, Node] = {}
        self._visited: set[int] = set()
        for document in documents:
            self._collect(document, _DEPTH)

    def products(self) -> Iterator[tuple[Node, Node]]:
        """Yield each product's node with that of its group, which is empty where it has none."""
        for document in self._documents:
            yield from self._found(document, {}, _DEPTH)

    def _collect(self, value: object, depth: int) -> None:
        """Remember the nodes that others may refer to, and the variants that groups refer to."""
        if not depth:
            return
        if isinstance(value, list):
            for one in value:
                self._collect(one, depth - 1)
        elif isinstance(value, dict):
            name = value.get("@id")
            if isinstance(name, str) and len(value) > len(self.nodes.get(name, "1")):
                self.nodes[name] = value
            if _types(value) & _PRODUCT:
                for name in _names(value):
                    if len(value) > len(self._products.get(name, "")):
                        self._products[name] = value
            for variant in _listed(value.get("hasVariant")):
                for name in _names(variant):
                    self._groups.setdefault(name, value)
            for one in value.values():
                self._collect(one, depth - 1)

    def _found(self, value: object, group: Node, depth: int) -> Iterator[tuple[Node, Node]]:
        if not depth:
            return
        if isinstance(value, list):
            for one in value:
                yield from self._found(one, group, depth - 1)
        elif isinstance(value, dict):
            value = self._resolved(value)
            # Each node once, whatever refers to it: references may go in circles.
            if id(value) in self._visited:
                return
            self._visited.add(id(value))
            if _types(value) & _PRODUCT:
                if not any(self._is_product(variant) for variant in _listed(value.get("hasVariant"))):
                    yield value, group or self._group_of(value)
                    return
                group = value
            for name in _INTO:
                yield from self._found(value.get(name), group, depth - 1)

    def _group_of(self, node: Node) -> Node:
        """The group that a variant names, or that names the variant; empty where it is in none."""
        for group in _listed(node.get("isVariantOf")):
            named = [group] if isinstance(group, dict) and set(group) - _REFERENCE else []
            known = [self._products[name] for name in _names(group) if name in self._products]
            return next(iter([*named, *known]), {})
        found = next((self._groups[name] for name in _names(node) if name in self._groups), {})
        return {} if found is node else found

    def _resolved(self, node: Node) -> Node:
        """The node that a reference means, or the node itself."""
        if set(node) - _REFERENCE:
            return node
        found = (table[name] for table in (self._products, self.nodes) for name in _names(node) if name in table)
        return next(found, node)

    def _is_product(self, variant: object) -> bool:
        """Whether there is more of a variant on this page than its name and address."""
        if isinstance(variant, dict) and set(variant) - _REFERENCE:
            return bool(_types(variant) & _PRODUCT)
        return any(set(self._products.get(name, {})) - _REFERENCE for name in _names(variant))


def _names(node: object) -> list[str]:
    """What others may call a node: its `@id`, its address."""
    if isinstance(node, str):
        return [node]
    if not isinstance(node, dict):
        return []
    return [name for key in ("@id", "url") if isinstance(name := node.get(key), str) and name]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _types(node: Node) -> set[str]:
    return {
        one.replace("#", "/").replace(":", "/").rpartition("/")[2].casefold()
        for one in _listed(node.get("@type"))
        if isinstance(one, str)
    }


def _filled(node: Node) -> Node:
    """A node without the properties that are there but empty."""
    return {name: value for name, value in node.items() if value not in ("", None, [], {})}


def _fields(node: Node, nodes: Mapping[str, Node], identity: str, group: str) -> ProductFields:
    offer = _offer(node, nodes)
    price = _object(offer.get("priceSpecification"), nodes)
    return {
        "id": identity,
        "name": _text(node.get("name")),
        "brand": _every_name(node.get("brand"), nodes) or _every_name(node.get("manufacturer"), nodes),
        "category": _name(node.get("category"), nodes),
        "price": _text(offer.get("price")) or _text(offer.get("lowPrice")) or _text(price.get("price")),
        "currency": _text(offer.get("priceCurrency")) or _text(price.get("priceCurrency")),
        "link": _text(node.get("url")) or _text(offer.get("url")),
        "retailer": _name(offer.get("seller"), nodes) or _name(offer.get("offeredBy"), nodes),
        "country": _every_name(offer.get("eligibleRegion"), nodes),
        "available_from": _text(offer.get("availabilityStarts")),
        "available_until": _text(offer.get("availabilityEnds")),
        "made_in": _every_name(node.get("countryOfOrigin"), nodes),
        "gtin": _gtins(node, nodes) or _gtins(offer, nodes),
        "variant_group": _text(node.get("inProductGroupWithID")) or group or _text(node.get("productGroupID")),
        "description": _text(node.get("description")),
        "licence": _text(node.get("license")) or _text(_object(node.get("license"), nodes).get("url")),
        "image": _images(node.get("image"), nodes, _DEPTH),
    }


def _gtins(node: Node, nodes: Mapping[str, Node]) -> str:
    return next((found for name in _GTINS if (found := _every_name(node.get(name), nodes))), "")


def _first_text(node: Node, names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := _text(node.get(name)))), "")


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
        value = next((one for one in value if isinstance(one, str | int | float)), "")
    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
    # Shops write entities into JSON although a script is not HTML.
    return html.unescape(value).strip() if isinstance(value, str) else ""


def _name(value: object, nodes: Mapping[str, Node]) -> str:
    return _text(value) or _text(_object(value, nodes).get("name"))


def _every_name(value: object, nodes: Mapping[str, Node]) -> str:
    """Every name, as one text of several."""
    return join_values(_name(one, nodes) for one in (value if isinstance(value, list) else [value]))


def _images(value: object, nodes: Mapping[str, Node], depth: int) -> list[str]:
    if isinstance(value, list) and depth:
        return [address for one in value for address in _images(one, nodes, depth - 1)]
    if isinstance(value, dict):
        node = _object(value, nodes)
        value = node.get("contentUrl") or node.get("url") or node.get("@id")
    address = _text(value) if isinstance(value, str | list) else ""
    return [address] if address else []
