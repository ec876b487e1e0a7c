"""schema.org products in saved pages: where the nodes lie, whose pictures they are, what a hostile page cannot do."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import pytest

pytest.importorskip("lxml", reason="the extra `feeds` is not installed")

from index.errors import FeedError
from index.records.feed_records import ProductRecord, Refusal
from index.sources.feeds import detect, json_ld, pages, read_products
from tests.feeds import until_cut

LAMP = {"@type": "Product", "sku": "L1", "name": "Lamp", "image": "https://h/lamp.jpg"}


def page(folder: Path, *scripts: object, head: str = "", name: str = "page.html") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    written = "".join(
        f'<script type="application/ld+json">{one if isinstance(one, str) else json.dumps(one)}</script>'
        for one in scripts
    )
    path.write_text(f"<!DOCTYPE html><html><head>{head}{written}</head><body><p>x</p></body></html>")
    return path


def outcome(path: Path) -> list[str]:
    read, _ = until_cut(read_products(path))
    return [record.product_id if isinstance(record, ProductRecord) else record.reason for record in read]


@pytest.mark.parametrize(
    "script",
    [
        LAMP,
        [LAMP],
        {"@context": "https://schema.org", "@graph": [{"@type": "WebSite"}, LAMP]},
        {"@type": "WebPage", "mainEntity": LAMP},
        {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": LAMP}]},
        {**LAMP, "@type": ["Thing", "https://schema.org/Product"]},
        {**LAMP, "@type": "schema:IndividualProduct"},
        {"@type": "ProductGroup", "name": "x", "hasVariant": [LAMP]},
        f"<!-- {json.dumps(LAMP)} -->",
        f"//<![CDATA[\n{json.dumps(LAMP)};\n//]]>",
        json.dumps(LAMP).replace("Lamp", "La\nmp"),
    ],
)
def test_where_a_product_may_lie(tmp_path: Path, script: object) -> None:
    path = page(tmp_path, script)
    assert detect(path) == "schemaorg"
    assert outcome(path) == ["L1"]


def test_all_that_a_product_tells(tmp_path: Path) -> None:
    path = page(
        tmp_path,
        {
            "@graph": [
                {
                    "@type": "Product",
                    "@id": "#p",
                    "name": "Tom &amp; Jerry mug",
                    "mpn": "M-7",
                    "brand": {"@id": "#brand"},
                    "category": {"@type": "CategoryCode", "name": "Mugs"},
                    "image": ["/1.jpg", {"@type": "ImageObject", "contentUrl": "//cdn.example/2.jpg"}, {"@id": "#i"}],
                    "offers": {
                        "@type": "AggregateOffer",
                        "lowPrice": 9.5,
                        "priceCurrency": "EUR",
                        "offers": [
                            {"@type": "Offer", "price": "11", "seller": {"name": "Shop"}, "eligibleRegion": "fr"}
                        ],
                        "availabilityStarts": "2024-01-02T00:00:00Z",
                    },
                    "isRelatedTo": {"@type": "Product", "sku": "other", "image": "https://h/o.jpg"},
                },
                {"@id": "#brand", "@type": "Brand", "name": "MugCo"},
                {"@id": "#i", "@type": "ImageObject", "url": "3.jpg"},
            ]
        },
        head='<link rel="canonical" href="https://shop.example/mugs/7">',
    )
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert record.product_id == "M-7"
    assert record.title == "Tom & Jerry mug"
    assert record.pictures == (
        "https://shop.example/1.jpg", "https://cdn.example/2.jpg", "https://shop.example/mugs/3.jpg",
    )  # fmt: skip
    assert (record.brand, record.category, record.retailer, record.country) == ("MugCo", "Mugs", "Shop", "FR")
    assert record.price == "11 EUR"
    assert record.link == "https://shop.example/mugs/7"
    assert str(record.first_seen) == "2024-01-02"


def test_variants_have_from_their_group_what_they_do_not_tell(tmp_path: Path) -> None:
    group = {
        "@type": "ProductGroup",
        "name": "Chair",
        "brand": "B",
        "image": "https://h/chair.jpg",
        "hasVariant": [
            {"@type": "Product", "sku": "red", "image": "https://h/red.jpg"},
            {"@type": "Product", "sku": "blue", "name": "Blue chair"},
        ],
    }
    records = [record for record in read_products(page(tmp_path, group)) if isinstance(record, ProductRecord)]
    assert [(record.product_id, record.title, record.brand, record.pictures[0]) for record in records] == [
        ("red", "Chair", "B", "https://h/red.jpg"),
        ("blue", "Blue chair", "B", "https://h/chair.jpg"),
    ]


@pytest.mark.parametrize(
    ("head", "link"),
    [
        ('<link rel="canonical" href="https://s/p">', "https://s/p"),
        ('<LINK HREF="https://s/p" REL="alternate Canonical">', "https://s/p"),
        ('<meta property="og:url" content="https://s/o"><link rel=canonical href=https://s/p>', "https://s/p"),
        ('<meta property="og:url" content="https://s/o">', "https://s/o"),
        ("<!-- saved from url=(0011)https://s/saved -->", "https://s/saved"),
        ('<base href="https://b/x/"><link rel="canonical" href="https://s/p">', "https://s/p"),
        ("", ""),
        ('<link rel="canonical" href="javascript:1">', ""),
    ],
)
def test_the_pages_own_address(tmp_path: Path, head: str, link: str) -> None:
    (record,) = read_products(page(tmp_path, LAMP, head=head))
    assert isinstance(record, ProductRecord)
    assert record.link == link


def test_a_page_names_no_file_beyond_its_own_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"x")
    folder = tmp_path / "pages"
    for image in (
        str(secret),
        "../secret.jpg",
        "%2e%2e/secret.jpg",
        secret.as_uri(),
        "link/secret.jpg",
        "/etc/hostname",
    ):
        path = page(folder, {**LAMP, "image": image})
        if not (folder / "link").exists():
            (folder / "link").symlink_to(tmp_path)
        assert outcome(path) == ["bad-picture"], image
    (folder / "page_files").mkdir()
    (folder / "page_files" / "a b.jpg").write_bytes(b"x")
    (record,) = read_products(page(folder, {**LAMP, "image": "page_files/a%20b.jpg"}))
    assert isinstance(record, ProductRecord)
    assert record.pictures == (str(folder / "page_files/a b.jpg"),)


@pytest.mark.parametrize(
    ("script", "reasons"),
    [
        ("{bad}", ["bad-json", "L1"]),
        ("", ["bad-json", "L1"]),
        ("[" * 20_000, ["bad-json", "L1"]),
        ('{"@type": "Article"}', ["L1"]),
        ({"@type": "Product", "sku": "x"}, ["no-picture", "L1"]),
        ({"@type": 5, "@graph": {"@graph": 7}, "item": None}, ["L1"]),
        ("x" * (pages._SCRIPT_LIMIT + 1), ["L1", "page-too-long"]),
    ],
)
def test_a_broken_script_leaves_the_others(tmp_path: Path, script: object, reasons: list[str]) -> None:
    assert outcome(page(tmp_path, script, LAMP)) == reasons


def test_nodes_that_point_at_themselves_end() -> None:
    loop = {"@id": "#a", "@type": "Product", "name": "x", "brand": {"@id": "#b"}, "image": {"@id": "#a"}}
    other = {"@id": "#b", "brand": {"@id": "#a"}, "offers": {"@id": "#a"}}
    deep: object = {"@type": "Product", "sku": "deep"}
    for _ in range(200):
        deep = [deep]
    read = list(json_ld.products([loop, other, deep]))
    assert [one["name"] for one in read] == ["x"]


def test_a_folder_of_pages(tmp_path: Path) -> None:
    page(tmp_path, {**LAMP, "sku": "b"}, name="b.html")
    page(tmp_path, {**LAMP, "sku": "a"}, name="a.HTM")
    page(tmp_path, {**LAMP, "sku": "c"}, name="sub/c.html")
    page(tmp_path, {"@type": "Article"}, name="sub/none.html")
    page(tmp_path, LAMP, name=".hidden.html")
    (tmp_path / "b_files").mkdir()
    (tmp_path / "b_files" / "x.jpg").write_bytes(b"x")
    (tmp_path / "broken.html").write_bytes(b"")
    assert detect(tmp_path) == "schemaorg"
    assert outcome(tmp_path) == ["a", "b", "c", "no-product", "cut-short"]
    refused = [record for record in until_cut(read_products(tmp_path))[0] if isinstance(record, Refusal)]
    assert refused[0].where == str(tmp_path / "sub/none.html")
    (tmp_path / "picture.jpg").write_bytes(b"x")
    assert detect(tmp_path) == "folder"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-2"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    declared = f'<meta http-equiv="Content-Type" content="text/html; charset={encoding}">'
    text = f"<!doctype html><html><head>{declared if 'utf' not in encoding else ''}"
    text += f'<script type="application/ld+json">{json.dumps({**LAMP, "name": "Kübel"}, ensure_ascii=False)}</script>'
    text += "</head><body></body></html>"
    path = tmp_path / "page.html"
    path.write_bytes(text.encode(encoding))
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert record.title == "Kübel"


@pytest.mark.parametrize("filler", ["<a>", "<", "<!", "&", "<!--", "<script>", '<a b="', "\0", "<![CDATA["])
def test_hostile_markup_ends_in_bounded_time_and_memory(tmp_path: Path, filler: str) -> None:
    path = page(tmp_path, LAMP)
    path.write_text(path.read_text().replace("<p>x</p>", filler * (200_000 // len(filler))))
    tracemalloc.start()
    assert outcome(path) == ["L1"]
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_page_beyond_the_limit_is_read_up_to_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_LIMIT", 100_000)
    path = page(tmp_path, LAMP)
    path.write_text(path.read_text() + "<p>x</p>" * 20_000)
    assert outcome(path) == ["L1", "page-too-long"]


def test_without_lxml_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lxml.etree", None)
    with pytest.raises(FeedError, match=r"needs lxml, which is not installed: pip install 'traceobject\[feeds\]'"):
        list(read_products(page(tmp_path, LAMP)))
