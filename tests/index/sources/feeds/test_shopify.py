"""Shopify's products.json: one row a product, or one a colour where each colour has pictures of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from index.records.feed_records import ProductRecord, Refusal
from index.sources.feeds import Defaults, detect, read_products

SHIRT: dict[str, Any] = {
    "id": 6655,
    "title": "Shirt",
    "handle": "shirt",
    "body_html": "<p>x</p>",
    "vendor": "Mill",
    "product_type": "Shirts",
    "created_at": "2023-01-01T00:00:00-05:00",
    "published_at": "2024-02-03T12:00:00-05:00",
    "variants": [
        {"id": 1, "option1": "S", "option2": "Red", "price": "20.00"},
        {"id": 2, "option1": "M", "option2": "Red", "price": "20.00"},
        {"id": 3, "option1": "S", "option2": "Blue", "price": "25.00"},
    ],
    "options": [{"name": "Size", "position": 1}, {"name": "Colour", "position": 2}],
    "images": [
        {"id": 10, "src": "https://cdn.example/red.jpg", "variant_ids": [1, 2]},
        {"id": 11, "src": "https://cdn.example/blue.jpg", "variant_ids": [3]},
        {"id": 12, "src": "https://cdn.example/blue-back.jpg", "variant_ids": [3]},
        {"id": 13, "src": "https://cdn.example/all.jpg", "variant_ids": []},
    ],
}


def read(folder: Path, *products: object, site: str = "") -> list[ProductRecord | Refusal]:
    path = folder / "products.json"
    path.write_text(json.dumps({"products": list(products)}))
    return list(read_products(path, "shopify", Defaults(site=site)))


def test_colours_with_pictures_of_their_own_are_products(tmp_path: Path) -> None:
    records = read(tmp_path, SHIRT, site="https://mill.example/collections/all")
    assert [
        (record.product_id, record.title, record.price, record.link, [Path(one).stem for one in record.pictures])
        for record in records
        if isinstance(record, ProductRecord)
    ] == [
        ("6655", "Shirt", "20.00", "https://mill.example/products/shirt", ["all"]),
        ("6655/Red", "Shirt - Red", "20.00", "https://mill.example/products/shirt?variant=1", ["red"]),
        ("6655/Blue", "Shirt - Blue", "25.00", "https://mill.example/products/shirt?variant=3", ["blue", "blue-back"]),
    ]
    assert {(r.brand, r.category, str(r.first_seen), r.number) for r in records if isinstance(r, ProductRecord)} == {
        ("Mill", "Shirts", "2024-02-03", 1)
    }


@pytest.mark.parametrize(
    "change",
    [
        {"options": [{"name": "Size"}, {"name": "Fit"}]},
        {"images": [{"src": one["src"]} for one in SHIRT["images"]]},
        {"images": [{**one, "variant_ids": [1, 3]} for one in SHIRT["images"]]},
        {"variants": SHIRT["variants"][:2]},
        {"options": None},
    ],
)
def test_without_pictures_by_colour_it_is_one_product(tmp_path: Path, change: dict[str, Any]) -> None:
    (record,) = read(tmp_path, {**SHIRT, **change})
    assert isinstance(record, ProductRecord)
    assert record.product_id == "6655"
    assert len(record.pictures) == 4
    assert record.link == ""


def test_every_picture_is_in_exactly_one_row(tmp_path: Path) -> None:
    pictures = [one for record in read(tmp_path, SHIRT) if isinstance(record, ProductRecord) for one in record.pictures]
    assert sorted(pictures) == sorted(one["src"] for one in SHIRT["images"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None, "handle": ""}, "no-id"),
        ({"images": []}, "no-picture"),
        ({"images": "x", "variants": 3, "options": [1]}, "no-picture"),
        ({"images": [{"src": None}]}, "no-picture"),
    ],
)
def test_broken_products_are_refused_alone(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    plain = {**SHIRT, "options": []}
    records = read(tmp_path, plain, {**plain, **change}, 5, plain)
    assert [getattr(record, "reason", "ok") for record in records] == ["ok", reason, "not-an-object", "ok"]


def test_an_odd_date_costs_itself(tmp_path: Path) -> None:
    records = read(tmp_path, {**SHIRT, "options": [], "published_at": "x"})
    assert [getattr(record, "reason", "ok") for record in records] == ["ok", "bad-date"]


def test_the_admin_api_and_a_bare_list(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    product = {"handle": "mug", "title": "Mug", "variants": [], "image": {"src": "//cdn.example/mug.jpg"}}
    path.write_text(json.dumps([product], indent=2))
    assert detect(path) == "shopify"
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert (record.product_id, record.pictures) == ("mug", ("https://cdn.example/mug.jpg",))
