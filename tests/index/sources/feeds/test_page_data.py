"""Products as shops really write them into pages: lenient JSON-LD, microdata, Open Graph, groups and their variants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("lxml", reason="the extra `feeds` is not installed")
pytest.importorskip("extruct", reason="the extra `feeds` is not installed")

from index.records.feed_records import ProductRecord, Refusal, RefusedEntry
from index.sources.feeds import read_products
from index.sources.feeds.lenient_json import documents
from index.sources.feeds.page_ending import PageEnding
from tests.feeds import until_cut
from tests.paths import SHARED

LAMP = {"@type": "Product", "sku": "L1", "name": "Lamp", "image": "https://h/lamp.jpg"}


def page(folder: Path, *scripts: object, head: str = "", body: str = "<p>x</p>", name: str = "page.html") -> Path:
    path = folder / name
    written = "".join(
        f'<script type="application/ld+json">{one if isinstance(one, str) else json.dumps(one)}</script>'
        for one in scripts
    )
    path.write_text(f"<!DOCTYPE html><html><head>{head}{written}</head><body>{body}</body></html>")
    return path


def products(path: Path) -> list[ProductRecord]:
    records = list(read_products(path))
    assert all(isinstance(record, ProductRecord) for record in records), records
    return records  # type: ignore[return-value]


@pytest.mark.parametrize(
    "script",
    [
        json.dumps(LAMP).replace("}", ",}"),
        "/* the product */ " + json.dumps(LAMP) + " // of this page",
        json.dumps(LAMP).replace('"name"', '// its name\n "name"'),
        json.dumps(LAMP).replace('"', "'"),
        "\ufeff" + json.dumps(LAMP),
        json.dumps(LAMP) + ";",
        json.dumps({"@type": "WebSite"}) + json.dumps(LAMP),
        json.dumps({"@type": "WebSite"}) + ",\n" + json.dumps(LAMP) + "\n",
        json.dumps(LAMP).replace("Lamp", "La\n\tmp").replace("}", ",}"),
        json.dumps(LAMP).replace("Lamp", "Lamp \\'x\\'"),
        json.dumps(LAMP).replace('"', "&quot;"),
        f"<!--\n{json.dumps(LAMP)}\n//-->",
        json.dumps(LAMP).replace("https://h/lamp.jpg", "https://h/lamp.jpg?a=//b/*c*/"),
    ],
)
def test_json_ld_is_read_leniently(tmp_path: Path, script: str) -> None:
    (record,) = products(page(tmp_path, script))
    assert record.product_id == "L1"
    assert record.title.replace(" ", "").startswith("Lamp")
    assert record.pictures[0].startswith("https://h/lamp.jpg")


@pytest.mark.parametrize(
    "script", ["{bad}", "[" * 20_000, '{"a": ', "{" + '"a":[' * 300, "", "\ufeff", '{"a": "\\ud8"}']
)
def test_what_is_no_json_is_said_to_be_none(script: str) -> None:
    found, wrong = documents(script)
    assert found == []
    assert wrong


def test_what_comes_before_a_mistake_is_kept(tmp_path: Path) -> None:
    found, wrong = documents(json.dumps(LAMP) + '{"@type": "Product", "sku": ')
    assert found == [LAMP]
    assert wrong
    read, _ = until_cut(read_products(page(tmp_path, json.dumps(LAMP) + '{"sku": "L2", "name": ')))
    assert [type(one).__name__ for one in read] == ["RefusedEntry", "ProductRecord"]
    # Of the scripts that could not be read whole, every identifier is kept.
    assert [one.entry_ids for one in read if isinstance(one, RefusedEntry)] == [("L1", "L2")]


def test_several_products_without_identifiers_stay_several(tmp_path: Path) -> None:
    nodes = [
        {"@type": "Product", "name": "Red mug", "image": "https://h/0.jpg"},
        {"@type": "Product", "name": "Blue bowl", "image": "https://h/1.jpg"},
    ]
    address = '<link rel="canonical" href="https://shop.example/mugs">'
    for scripts, head, base in (
        ([nodes], "", "page"),
        (nodes, "", "page"),
        ([{"@graph": nodes}], address, "https://shop.example/mugs"),
        ([{"@type": "ItemList", "itemListElement": [{"item": node} for node in nodes]}], "", "page"),
    ):
        found = products(page(tmp_path, *scripts, head=head))
        assert [(one.product_id, one.title, one.pictures) for one in found] == [
            (f"{base}#Red mug", "Red mug", ("https://h/0.jpg",)),
            (f"{base}#Blue bowl", "Blue bowl", ("https://h/1.jpg",)),
        ]


def test_one_product_written_twice_is_one(tmp_path: Path) -> None:
    node = {"@type": "Product", "name": "Red mug", "image": "https://h/0.jpg"}
    assert {one.product_id for one in products(page(tmp_path, node, node))} == {"page"}


def test_identifiers_that_mean_something_on_their_page_alone(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        page(tmp_path, {**LAMP, "sku": "", "@id": "#product"}, name=name)
    assert [one.product_id for one in products(tmp_path)] == ["a#product", "b#product"]


GROUP = {
    "@type": "ProductGroup", "@id": "#coat", "name": "Coat", "brand": {"@type": "Brand", "name": "Nord"},
    "category": "Coats", "productGroupID": "44B", "image": "https://h/coat.jpg",
}  # fmt: skip


@pytest.mark.parametrize(
    "nodes",
    [
        # The variant names its group, by @id or in itself.
        [GROUP, {"@type": "Product", "sku": "S", "image": "https://h/s.jpg", "isVariantOf": {"@id": "#coat"}}],
        [{"@type": "Product", "sku": "S", "image": "https://h/s.jpg", "isVariantOf": {"@id": "#coat"}}, GROUP],
        [{"@type": "Product", "sku": "S", "image": "https://h/s.jpg", "isVariantOf": GROUP}],
        [{"@type": "Product", "sku": "S", "image": "https://h/s.jpg", "isVariantOf": [GROUP]}],
        # The group names its variant, by @id, by address, typed or not, or holds it.
        [
            {**GROUP, "hasVariant": [{"@id": "#s"}]},
            {"@type": "Product", "@id": "#s", "sku": "S", "image": "https://h/s.jpg"},
        ],
        [
            {**GROUP, "hasVariant": {"@id": "#s"}},
            {"@type": "Product", "@id": "#s", "sku": "S", "image": "https://h/s.jpg"},
        ],
        [
            {**GROUP, "hasVariant": [{"@type": "Product", "@id": "#s"}]},
            {"@type": "Product", "@id": "#s", "sku": "S", "image": "https://h/s.jpg"},
        ],
        [
            {**GROUP, "hasVariant": [{"url": "https://h/p/s"}]},
            {"@type": "Product", "url": "https://h/p/s", "sku": "S", "image": "https://h/s.jpg"},
        ],
        [{**GROUP, "hasVariant": [{"@type": "Product", "sku": "S", "image": "https://h/s.jpg"}]}],
    ],
)
@pytest.mark.parametrize("graph", [True, False])
def test_a_variant_has_what_its_group_has(tmp_path: Path, nodes: list[object], graph: bool) -> None:
    found = products(page(tmp_path, {"@graph": nodes} if graph else nodes))
    variants = [one for one in found if one.product_id == "S"]
    assert [(one.title, one.brand, one.category, one.pictures) for one in variants] == [
        ("Coat", "Nord", "Coats", ("https://h/s.jpg",))
    ]
    # A group is a product of its own only where it does not name its variants.
    assert len(found) == (1 if "hasVariant" in json.dumps(nodes) or len(nodes) == 1 else 2)


@pytest.mark.parametrize(
    "variants", [[{"url": "https://shop.example/d2"}], ["https://shop.example/d2"], [{"@id": "#gone"}], []]
)
def test_a_group_whose_variants_are_elsewhere_is_a_product(tmp_path: Path, variants: list[object]) -> None:
    (record,) = products(page(tmp_path, {**GROUP, "hasVariant": variants}))
    assert (record.product_id, record.title, record.pictures) == ("44B", "Coat", ("https://h/coat.jpg",))


def test_variants_without_identifiers_are_named_by_their_group(tmp_path: Path) -> None:
    variants = [{"@type": "Product", "name": f"Coat {size}", "image": f"https://h/{size}.jpg"} for size in "SL"]
    found = products(page(tmp_path, {**GROUP, "hasVariant": variants}))
    assert [(one.product_id, one.pictures) for one in found] == [
        ("44B#Coat S", ("https://h/S.jpg",)), ("44B#Coat L", ("https://h/L.jpg",)),
    ]  # fmt: skip


def test_references_in_circles_end(tmp_path: Path) -> None:
    nodes = [{"@id": "#a", "@graph": [{"@id": "#a"}, {"@id": "#b"}] * 50}, {"@id": "#b", "mainEntity": {"@id": "#a"}}]
    nodes += [{"@type": "ProductGroup", "@id": "#g", "hasVariant": [{"@id": "#g"}], "isVariantOf": {"@id": "#g"}}]
    assert [one.product_id for one in products(page(tmp_path, nodes, LAMP))] == ["L1"]


MICRODATA = """
<div itemscope itemtype="https://schema.org/Product">
  <h1 itemprop="name">Red mug</h1> <meta itemprop="sku" content="M1">
  <img itemprop="image" src="/1.jpg"> <link itemprop="image" href="https://h/2.jpg">
  <div itemprop="brand" itemscope itemtype="https://schema.org/Brand"><span itemprop="name">Nord</span></div>
  <span itemprop="category">Mugs</span>
  <div itemprop="offers" itemscope itemtype="http://schema.org/Offer">
    <meta itemprop="price" content="12.50"><meta itemprop="priceCurrency" content="EUR">
    <link itemprop="url" href="https://h/p/1">
  </div>
</div>"""
CANONICAL = '<link rel="canonical" href="https://h/p/1">'


def test_microdata(tmp_path: Path) -> None:
    (record,) = products(page(tmp_path, head=CANONICAL, body=MICRODATA))
    assert (record.product_id, record.title, record.brand, record.category) == ("M1", "Red mug", "Nord", "Mugs")
    assert record.pictures == ("https://h/1.jpg", "https://h/2.jpg")
    assert (record.price, record.link) == ("12.50 EUR", "https://h/p/1")


def test_several_items_of_microdata(tmp_path: Path) -> None:
    other = MICRODATA.replace("Red mug", "Blue bowl").replace('content="M1"', 'content="M2"')
    assert [one.product_id for one in products(page(tmp_path, head=CANONICAL, body=MICRODATA + other))] == ["M1", "M2"]


def test_json_ld_comes_before_microdata(tmp_path: Path) -> None:
    assert [one.product_id for one in products(page(tmp_path, LAMP, body=MICRODATA))] == ["L1"]
    assert [
        one.product_id for one in products(page(tmp_path, {"@type": "WebSite"}, body=MICRODATA, head=CANONICAL))
    ] == ["M1"]


OPEN_GRAPH = {
    "og:type": "product", "og:title": "Red mug", "og:url": "https://h/p/1", "og:image": "https://h/1.jpg",
    "product:brand": "Nord", "product:price:amount": "12.50", "product:price:currency": "EUR",
    "product:retailer_item_id": "M1", "product:category": "Mugs", "og:site_name": "Shop",
}  # fmt: skip


def metas(properties: dict[str, str], attribute: str = "property") -> str:
    return "".join(f'<meta {attribute}="{name}" content="{content}">' for name, content in properties.items())


@pytest.mark.parametrize("attribute", ["property", "name"])
def test_open_graph(tmp_path: Path, attribute: str) -> None:
    (record,) = products(page(tmp_path, head=metas(OPEN_GRAPH, attribute)))
    assert (record.product_id, record.title, record.brand, record.category) == ("M1", "Red mug", "Nord", "Mugs")
    assert (record.price, record.link, record.retailer) == ("12.50 EUR", "https://h/p/1", "Shop")
    assert record.pictures == ("https://h/1.jpg",)


def test_open_graph_of_something_else_is_no_product(tmp_path: Path) -> None:
    article = {"og:type": "article", "og:title": "News", "og:image": "https://h/1.jpg"}
    read = list(read_products(page(tmp_path, head=metas(article))))
    assert [one.reason for one in read if isinstance(one, Refusal)] == ["no-product"]


@pytest.mark.parametrize("nested", [50, 5000])
def test_items_nested_without_end(tmp_path: Path, nested: int) -> None:
    opened = '<div itemscope itemprop="x" itemtype="https://schema.org/Thing">' * nested
    read, _ = until_cut(read_products(page(tmp_path, head=CANONICAL, body=MICRODATA + opened)))
    assert len(read) == 1


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("<!doctype html><html><head></head><body>x</body></html>", True),
        ("<!doctype html><html><head></head><body>x</BODY >", True),
        ("<!doctype html><html lang=en><title>x</title><div><p>y</div>", True),
        ("<!doctype html><html lang=en><title>x</title><div><p>y</p>", False),
        ("<!doctype html><html lang=en><title>x</title><div><p>y</div><scr", False),
        ("<!doctype html><html><head><script>1</script>", False),
        ("<script>1</script>", True),
        ("<script>1", False),
        ("<html><body><div></div>text", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_whether_a_page_is_whole(text: str, whole: bool, chunk: int) -> None:
    ending = PageEnding()
    for start in range(0, len(text), chunk):
        ending.take(text[start : start + chunk])
    assert ending.is_whole() == whole


@pytest.mark.parametrize(
    ("case", "name", "expected"),
    [
        (
            "08-two-products-without-ids-on-a-page",
            "category.html",
            [("Red mug", "", "", "p0.jpg"), ("Blue bowl", "", "", "p1.jpg")],
        ),
        (
            "14-variants-by-reference",
            "by-id.html",
            [("Coat S", "Nord", "Coats", "p0.jpg"), ("Coat", "Nord", "Coats", "p1.jpg")],
        ),
        ("14-variants-by-reference", "inline.html", [("Coat D2", "Nord", "Coats", "p2.jpg")]),
        ("14-variants-by-reference", "only-urls.html", [("Coat D", "", "", "p2.jpg")]),
    ],
)
def test_the_cases(case: str, name: str, expected: list[tuple[str, str, str, str]]) -> None:
    path = SHARED / "cases" / case / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    found = products(path)
    assert [(one.title, one.brand, one.category, Path(one.pictures[0]).name) for one in found] == expected
    assert all(len(one.pictures) == 1 for one in found)
    identities = [one.product_id for one in found]
    assert len(set(identities)) == len(identities)
    if case.startswith("14"):
        assert identities == {"by-id.html": ["B-S", "B-L"], "inline.html": ["D-2"], "only-urls.html": ["44D"]}[name]
