"""Exports of shop systems by their real column names, and Google's APIs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from index.records.feed_records import ProductRecord
from index.sources.feeds import read_products
from index.sources.feeds.references import normal_name
from tests.paths import SHARED

PRESTASHOP = (
    "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;Tax rules ID;Wholesale price;"
    "On sale (0/1);Discount amount;Reference #;Supplier reference #;Supplier;Manufacturer;EAN13;UPC;Quantity;"
    "Visibility;Summary;"
    "Description;Tags (x,y,z...);Meta title;URL rewritten;Product available date;Product creation date;"
    "Image URLs (x,y,z...);Image alt texts (x,y,z...);Delete existing images\n"
    "1;1;Mug;Home,Kitchen;12.50;1;6;0;;REF1;;Wholesaler;Nord;4006381333931;;3;both;;;;;mug;;2024-05-01;"
    "p0.jpg,p1.jpg;one,two;0\n"
)
WOOCOMMERCE = (
    'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?",Description,"Regular price",Categories,Images,'
    "Parent,Brands\n"
    '13,"simple, virtual",cap,4006381333931,Cap,1,0,,9,"Hats > Caps","https://h/a.jpg, https://h/b.jpg",,Nord\n'
    "14,variation,cap-red,,Cap red,1,0,,9,,https://h/c.jpg,id:13,\n"
)
MAGENTO = (
    "sku,store_view_code,attribute_set_code,product_type,categories,name,price,url_key,base_image,small_image,"
    "additional_images,manufacturer\n"
    'MB01,,Bag,configurable,"Default Category/Gear,Default Category/Gear/Bags",Joust Bag,34,joust,/m/b/mb01.jpg,'
    "/m/b/mb01.jpg,/m/b/mb01-alt.jpg,Luma\n"
)
CONTENT_API = {
    "kind": "content#productsListResponse",
    "resources": [
        {
            "kind": "content#product", "id": "online:en:US:1", "offerId": "1", "title": "Mug", "targetCountry": "US",
            "link": "https://h/p/1", "imageLink": "https://h/1.jpg", "additionalImageLinks": ["https://h/2.jpg"],
            "brand": "Nord", "productTypes": ["Home > Kitchen"], "price": {"value": "21.99", "currency": "USD"},
        }
    ],
}  # fmt: skip
MERCHANT_API = {
    "products": [
        {
            "name": "accounts/1/products/en~US~1", "offerId": "1", "contentLanguage": "en",
            "productAttributes": {
                "title": "Mug", "link": "https://h/p/1", "imageLink": "https://h/1.jpg", "brand": "Nord",
                "additionalImageLinks": ["https://h/2.jpg"], "productTypes": ["Home > Kitchen"],
            },
        }
    ]
}  # fmt: skip


def read(folder: Path, name: str, content: str) -> list[ProductRecord]:
    (folder / name).write_text(content)
    records = list(read_products(folder / name))
    assert all(isinstance(record, ProductRecord) for record in records), records
    return records  # type: ignore[return-value]


def test_prestashop(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "products.csv", PRESTASHOP)
    assert (record.product_id, record.title, record.brand) == ("1", "Mug", "Nord")
    assert (record.category, record.price) == ("Home,Kitchen", "12.50")
    assert record.pictures == (str(tmp_path / "p0.jpg"), str(tmp_path / "p1.jpg"))
    assert str(record.first_seen) == "2024-05-01"


def test_woocommerce(tmp_path: Path) -> None:
    cap, red = read(tmp_path, "products.csv", WOOCOMMERCE)
    assert (cap.product_id, cap.title, cap.brand, cap.category) == ("13", "Cap", "Nord", "Hats > Caps")
    assert cap.pictures == ("https://h/a.jpg", "https://h/b.jpg")
    # What kind of article it is says nothing of what it is.
    assert (red.product_id, red.category, red.brand) == ("14", "", "")


def test_magento(tmp_path: Path) -> None:
    picture = tmp_path / "m" / "b" / "mb01.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"x")
    (record,) = read(tmp_path, "products.csv", MAGENTO)
    assert (record.product_id, record.title, record.brand) == ("MB01", "Joust Bag", "Luma")
    assert record.category == "Default Category/Gear,Default Category/Gear/Bags"
    # Named from the root of the shop's media folder: that is here the feed's, where the picture is.
    assert record.pictures == (str(picture), "/m/b/mb01-alt.jpg")


@pytest.mark.parametrize(("document", "identity"), [(CONTENT_API, "online:en:US:1"), (MERCHANT_API, "1")])
@pytest.mark.parametrize("lines", [True, False])
def test_googles_apis(tmp_path: Path, document: dict[str, object], identity: str, lines: bool) -> None:
    items = next(value for value in document.values() if isinstance(value, list))
    content = "".join(f"{json.dumps(item)}\n" for item in items) if lines else json.dumps(document, indent=1)
    (record,) = read(tmp_path, "feed.json", content)
    assert (record.product_id, record.title, record.brand, record.link) == (identity, "Mug", "Nord", "https://h/p/1")
    assert record.pictures == ("https://h/1.jpg", "https://h/2.jpg")
    assert record.category == "Home > Kitchen"


@pytest.mark.parametrize("column", ["gtin", "EAN", "EAN13", "g:gtin", "UPC", "Barcode", "ISBN"])
@pytest.mark.parametrize("name", ["feed.csv", "feed.json", "feed.xml"])
def test_a_number_of_the_trade_identifies_where_there_is_no_other(tmp_path: Path, column: str, name: str) -> None:
    item = {column: "4006381333931", "image_link": "https://h/1.jpg"}
    if name == "feed.xml":
        tags = "".join(f"<{tag}>{text}</{tag}>" for tag, text in item.items())
        content = f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item>{tags}</item></channel></rss>'
    else:
        content = json.dumps([item]) if name == "feed.json" else ",".join(item) + "\n" + ",".join(item.values()) + "\n"
    (record,) = read(tmp_path, name, content)
    assert record.product_id == "4006381333931"


def test_a_number_of_the_trade_does_not_replace_an_identifier(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "feed.csv", "gtin,id,image\n4006381333931,7,https://h/1.jpg\n")
    assert record.product_id == "7"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("column", ["image", "image_link", "Image Src", "picture", "main_image"])
@pytest.mark.parametrize("between", [",", ", ", ";", " ", "|", "\n"])
def test_several_urls_in_a_cell_for_one(tmp_path: Path, column: str, delimiter: str, between: str) -> None:
    if between == "\n" and delimiter == "\t":
        pytest.skip("a tab-separated cell with line ends is another test's")
    text = io.StringIO()
    urls = ["https://h/a.jpg", "//h/b.jpg", "http://h/w_1,h_1/c.jpg"]
    csv.writer(text, delimiter=delimiter).writerows([("id", column), ("1", between.join(urls))])
    (record,) = read(tmp_path, "feed.csv", text.getvalue())
    assert record.pictures == ("https://h/a.jpg", "https://h/b.jpg", "http://h/w_1,h_1/c.jpg")


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("Image URLs (x,y,z...)", "image_urls"),
        ("Name *", "name"),
        ("Reference #", "reference"),
        ("Price (EUR) *", "price"),
        ("imageLink", "image_link"),
        ("imageURL", "image_url"),
        ("offerId", "offer_id"),
        ("ID", "id"),
        ("EAN13", "ean13"),
        ("(x)", "(x)"),
        ("*", "*"),
    ],
)
def test_names_of_columns(column: str, name: str) -> None:
    assert normal_name(column) == name


def case(name: str) -> Path:
    path = SHARED / "cases" / "20-columns-of-real-exports" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path


@pytest.mark.parametrize(
    ("name", "identity", "title", "brand", "category", "pictures"),
    [
        ("prestashop.csv", "1", "Mug", "Nord", "Home,Kitchen", ["p0.jpg", "p1.jpg"]),
        ("woocommerce.csv", "13", "Cap", "Nord", "", ["p0.jpg"]),
        ("camel.json", "1", "Mug", "Nord", "", ["p0.jpg"]),
        ("commas.csv", "1", "", "", "", ["a.jpg", "b.jpg"]),
    ],
)
def test_the_case(name: str, identity: str, title: str, brand: str, category: str, pictures: list[str]) -> None:
    (record,) = read_products(case(name))
    assert isinstance(record, ProductRecord)
    assert (record.product_id, record.title, record.brand, record.category) == (identity, title, brand, category)
    assert [picture.rpartition("/")[2] for picture in record.pictures] == pictures
