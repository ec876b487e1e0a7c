"""One small catalogue, written in every format: reading gives the same products."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from index.errors import FeedError
from index.records.entries import split_values
from index.records.feed_records import ProductRecord, Refusal
from index.sources.feeds import FORMATS, Defaults, detect, open_feed, read_products

PRODUCTS = [
    ProductRecord(0, "A-1", ("https://shop.example/1.jpg", "https://shop.example/1b.jpg"), "Lampe, « é »", "Umbra"),
    ProductRecord(0, "A-2", ("https://shop.example/2.jpg",), 'Cup 5" & <lid>', "Tom's; Cups"),
    ProductRecord(0, "A-3", ("https://shop.example/3.jpg", "https://shop.example/3b.jpg"), "靴 | boot", "B\\n"),
]
PRODUCTS = [
    replace(product, category="Home > Kitchen", price="12.50 EUR", link=f"https://shop.example/p/{product.product_id}")
    for product in PRODUCTS
]
# The fields that not every feed has, here of the second product alone.
MORE = {
    "brand": "Tom's; Cups | Umbra",
    "made_in": "PT | Korea, Republic of",
    "gtin": "4006381333931 | 0036000291452",
    "variant_group": "G-7",
    "description": 'Holds 5" & more. Of clay.',
    "licence": "https://licences.example/odbl",
}
PRODUCTS_OF_MORE = [PRODUCTS[0], replace(PRODUCTS[1], **MORE), PRODUCTS[2]]
_DETAILS = {
    "made_in": "country_of_origin",
    "gtin": "ean",
    "variant_group": "item_group_id",
    "description": "description",
    "licence": "licence",
}
_COLUMNS = (
    *("id", "title", "brand", "product_type", "price", "link", "image_link", "additional_image_link"),
    *_DETAILS.values(),
)


def _cells(product: ProductRecord) -> dict[str, str]:
    texts = (product.product_id, product.title, product.brand, product.category, product.price, product.link)
    details = (getattr(product, field) for field in _DETAILS)
    return dict(zip(_COLUMNS, (*texts, product.pictures[0], ",".join(product.pictures[1:]), *details), strict=True))


@dataclass(frozen=True)
class Format:
    """How to write a feed in one format: a row for each product, a broken row, and the file around the rows.

    `missing`: fields of a product that the format cannot express.
    """

    name: str
    format: str
    file: str
    row: Callable[[ProductRecord], str]
    broken: str
    before: str = ""
    between: str = "\n"
    after: str = "\n"
    missing: tuple[str, ...] = ()

    def write(self, folder: Path, rows: list[str]) -> Path:
        path = folder / self.file
        path.write_text(self.before + self.between.join(rows) + self.after, encoding="utf-8", newline="")
        return path


def _delimited(product: ProductRecord, delimiter: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(_cells(product).values())
    return line.getvalue()


def _json(product: ProductRecord) -> str:
    pictures = {"image": product.pictures[0], "images": [{"src": one} for one in product.pictures[1:]]}
    cells = {name: cell for name, cell in _cells(product).items() if not name.endswith("link") or name == "link"}
    # Several values are a list, and so is one.
    lists = {name: list(split_values(cells[name])) for name in ("brand", "ean", "country_of_origin")}
    return json.dumps({**cells, **lists, **pictures}, ensure_ascii=False)


def _google(product: ProductRecord, tag: str) -> str:
    cells = [(name, cell) for name, cell in _cells(product).items() if name != "additional_image_link"]
    cells += [("additional_image_link", one) for one in product.pictures[1:]]
    # Google calls it so, and has one in an element.
    cells = [one for one in cells if one[0] != "ean"] + [("gtin", one) for one in split_values(product.gtin)]
    return f"<{tag}>{''.join(f'<g:{name}>{escape(cell)}</g:{name}>' for name, cell in cells)}</{tag}>"


def _shopify(product: ProductRecord) -> str:
    fields = {"id": product.product_id, "title": product.title, "handle": product.product_id and "h"}
    fields |= {"url": product.link, "vendor": product.brand, "product_type": product.category}
    fields |= {"body_html": f"<p>{escape(product.description)}</p>"}
    variants = [{"id": 7, "barcode": gtin} for gtin in split_values(product.gtin) or ("",)]
    return json.dumps({**fields, "variants": variants, "images": [{"src": one} for one in product.pictures]})


def _page(product: ProductRecord) -> str:
    offer = {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR"}
    fields = {"@type": "Product", "sku": product.product_id, "name": product.title.replace("&", "&amp;")}
    brands = [{"@type": "Brand", "name": brand} for brand in split_values(product.brand)]
    fields |= {"brand": brands if len(brands) > 1 else brands[0], "category": product.category, "url": product.link}
    fields |= {"countryOfOrigin": [{"@type": "Country", "name": name} for name in split_values(product.made_in)]}
    fields |= {"gtin": list(split_values(product.gtin)), "inProductGroupWithID": product.variant_group}
    fields |= {"description": product.description.replace("&", "&amp;"), "license": product.licence}
    return json.dumps({**fields, "image": list(product.pictures), "offers": offer}).replace("<", "\\u003c")


FEED_FORMATS = [
    *(
        Format(
            name=f"csv {delimiter!r}",
            format="csv",
            file="feed.csv",
            row=lambda product, delimiter=delimiter: _delimited(product, delimiter),
            broken=delimiter.join(("A-9", '"open', "x")),
            before=delimiter.join(_COLUMNS) + "\n",
        )
        for delimiter in (",", ";", "\t", "|")
    ),
    Format("jsonl", "jsonl", "feed.jsonl", _json, '{"id": "A-9", "title": }'),
    Format("json list", "jsonl", "feed.json", _json, '{"id": "A-9", "title": }', "[\n", ",\n", "]"),
    Format(
        "json minified", "jsonl", "feed.json", _json, '{"id": "A-9", "title": }', '{"count":3,"products":[', ",", "]}"
    ),
    Format(
        name="google tsv",
        format="google",
        file="feed.txt",
        row=lambda product: _delimited(product, "\t") + "\tin_stock",
        broken="A-9\tx",
        before="\t".join((*_COLUMNS, "availability")) + "\n",
    ),
    Format(
        name="google rss",
        format="google",
        file="feed.xml",
        row=lambda product: _google(product, "item"),
        broken="<item><g:id>A-9</g:id><g:title>a & b</g:title></item>",
        before='<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>',
        after="</channel></rss>",
    ),
    Format(
        name="google atom",
        format="google",
        file="feed.xml",
        row=lambda product: _google(product, "entry"),
        broken="<entry><g:id>A-9</g:id><g:title>a < b</g:title>",
        before='<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><link href="https://x/"/>',
        after="</feed>",
    ),
    Format(
        name="shopify",
        format="shopify",
        file="products.json",
        row=_shopify,
        broken='{"id": 9, "title": }',
        before='{"products":[',
        between=",",
        after="]}",
        missing=("price", "made_in", "variant_group", "licence"),
    ),
    Format(
        name="schemaorg",
        format="schemaorg",
        file="page.html",
        row=lambda product: f'<script type="application/ld+json">{_page(product)}</script>',
        broken='<script type="application/ld+json">{"@type": "Product", }</script>',
        before='<!DOCTYPE html><html><head><meta charset="utf-8">',
        after="</head><body>Price: 3</body></html>",
    ),
]


def _unnumbered(product: ProductRecord, missing: tuple[str, ...] = ()) -> ProductRecord:
    return replace(product, number=0, **dict.fromkeys(missing, ""))


def _tar(path: Path, samples: list[tuple[str, str, ProductRecord]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for key, fields, product in samples:
            pictures = {f"{key}.{number}.jpg": one.encode() for number, one in enumerate(product.pictures)}
            for name, content in {**pictures, f"{key}.json": fields.encode()}.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def _parquet(path: Path, products: list[ProductRecord]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [json.loads(_json(product)) for product in products]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=2)
    return path


@pytest.fixture(params=FEED_FORMATS, ids=lambda feed_format: feed_format.name)
def feed_format(request: pytest.FixtureRequest) -> Format:
    if request.param.format == "schemaorg":
        pytest.importorskip("lxml")
    return request.param


def test_every_format_has_a_reader() -> None:
    assert sorted(reader.format for reader in open_feed.READERS) == sorted(FORMATS)


def test_every_format_gives_the_same_products(feed_format: Format, tmp_path: Path) -> None:
    path = feed_format.write(tmp_path, [feed_format.row(product) for product in PRODUCTS])
    expected = [_unnumbered(product, feed_format.missing) for product in PRODUCTS]
    assert detect(path) == feed_format.format
    for format in ("auto", feed_format.format):
        records = list(read_products(path, format))
        assert [_unnumbered(record) if isinstance(record, ProductRecord) else record for record in records] == expected
    assert len({record.number for record in records}) == len(PRODUCTS)


def test_the_fields_that_not_every_feed_has(feed_format: Format, tmp_path: Path) -> None:
    path = feed_format.write(tmp_path, [feed_format.row(product) for product in PRODUCTS_OF_MORE])
    expected = [_unnumbered(product, feed_format.missing) for product in PRODUCTS_OF_MORE]
    assert [_unnumbered(one) if isinstance(one, ProductRecord) else one for one in read_products(path)] == expected


def test_a_gtin_that_is_none_costs_nothing_but_itself(feed_format: Format, tmp_path: Path) -> None:
    wrong = replace(PRODUCTS_OF_MORE[1], gtin="4006381333932 | 0036000291452")
    path = feed_format.write(tmp_path, [feed_format.row(PRODUCTS[0]), feed_format.row(wrong)])
    [first, second, refused] = read_products(path)
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert (second.product_id, second.gtin) == (wrong.product_id, "0036000291452")
    assert isinstance(refused, Refusal)
    assert refused.reason == "bad-gtin"


def test_a_broken_row_does_not_lose_the_others(feed_format: Format, tmp_path: Path) -> None:
    rows = [feed_format.row(product) for product in PRODUCTS]
    path = feed_format.write(tmp_path, [rows[0], feed_format.broken, *rows[1:]])
    read = list(read_products(path))
    products = [_unnumbered(record) for record in read if isinstance(record, ProductRecord)]
    refusals = [record for record in read if isinstance(record, Refusal)]
    assert products == [_unnumbered(product, feed_format.missing) for product in PRODUCTS]
    assert len(refusals) == 1
    assert refusals[0].where.startswith(str(path))
    assert refusals[0].reason
    assert refusals[0].message


@pytest.mark.parametrize("missing", ["product_id", "pictures"])
def test_a_row_without_id_or_picture_is_refused(feed_format: Format, tmp_path: Path, missing: str) -> None:
    blank = replace(PRODUCTS[1], **{missing: "" if missing == "product_id" else ("",)})
    path = feed_format.write(tmp_path, [feed_format.row(one) for one in (PRODUCTS[0], blank, PRODUCTS[2])])
    read = list(read_products(path))
    if feed_format.format == "schemaorg" and missing == "product_id":
        # A page's address names its product well enough.
        assert [record.product_id for record in read if isinstance(record, ProductRecord)][1] == PRODUCTS[1].link
        return
    assert [type(record) for record in read] == [ProductRecord, Refusal, ProductRecord]
    assert read[1].reason == {"product_id": "no-id", "pictures": "no-picture"}[missing]


def test_nothing_is_read_twice_or_ahead(feed_format: Format, tmp_path: Path) -> None:
    """The first product is returned while most of a feed of two megabytes is unread."""
    if not Path("/proc/self/fdinfo").is_dir():
        pytest.skip("the positions of open files are known only from /proc")
    if feed_format.format == "schemaorg":
        pytest.skip("a page has one product; pages are read one by one, which the test of folders shows")
    row = feed_format.row(PRODUCTS[0])
    path = feed_format.write(tmp_path, [row] * (2_000_000 // len(row)))
    records = read_products(path)
    assert isinstance(next(records), ProductRecord)
    positions = [
        int(Path(f"/proc/self/fdinfo/{entry.name}").read_text().split()[1])
        for entry in Path("/proc/self/fd").iterdir()
        if entry.resolve() == path.resolve()
    ]
    assert positions
    assert max(positions) < path.stat().st_size / 4
    records.close()


def test_webdataset_has_the_same_products(tmp_path: Path) -> None:
    def fields(product: ProductRecord) -> str:
        return json.dumps({**_cells(product), "url": "https://elsewhere.example/"})

    samples = [(f"{number:09d}", fields(product), product) for number, product in enumerate(PRODUCTS_OF_MORE)]
    path = _tar(tmp_path / "00000.tar", [samples[0], ("000000009", "{", PRODUCTS[1]), *samples[1:]])
    assert detect(path) == detect(tmp_path) == "webdataset"
    for source in (path, tmp_path):
        read = list(read_products(source))
        assert [type(record) for record in read] == [ProductRecord, Refusal, ProductRecord, ProductRecord]
        for (key, _, product), record in zip(
            samples, [one for one in read if isinstance(one, ProductRecord)], strict=True
        ):
            pictures = tuple(f"{path}#{key}.{number}.jpg" for number in range(len(product.pictures)))
            assert _unnumbered(record) == replace(_unnumbered(product), pictures=pictures)


def test_parquet_has_the_same_products(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "feed.parquet", PRODUCTS)
    assert detect(path) == "parquet"
    assert [_unnumbered(record) for record in read_products(path)] == PRODUCTS
    path = _parquet(tmp_path / "more.parquet", PRODUCTS_OF_MORE)
    assert [_unnumbered(record) for record in read_products(path)] == PRODUCTS_OF_MORE


def test_parquet_refuses_a_row_and_goes_on(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "feed.parquet", [PRODUCTS[0], replace(PRODUCTS[1], product_id=""), PRODUCTS[2]])
    read = list(read_products(path))
    assert [type(record) for record in read] == [ProductRecord, Refusal, ProductRecord]
    assert read[1] == Refusal(f"{path}: row 2", "no-id", read[1].message)


@pytest.mark.parametrize("format", [*FORMATS, "auto"])
def test_a_missing_feed_is_an_error_in_every_format(format: str, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="no such file or folder"):
        read_products(tmp_path / "gone", format)


@pytest.mark.parametrize("format", [*FORMATS, "auto"])
@pytest.mark.parametrize(
    "content", [b"", b"\n \n", bytes(range(256)) * 40, b"\xff\xfe", b'"', b"[", b"{", b"<", b"PAR1" * 9]
)
def test_a_file_that_is_no_feed_gives_a_clear_error(format: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(content)
    refused = []
    try:
        refused = list(read_products(path, format))
        reported = bool(refused)
    except FeedError as error:
        reported = str(path) in str(error)
    assert reported
    assert all(isinstance(record, Refusal) for record in refused)


def test_defaults_fill_in_fields_that_a_feed_lacks(feed_format: Format, tmp_path: Path) -> None:
    path = feed_format.write(tmp_path, [feed_format.row(product) for product in PRODUCTS])
    defaults = Defaults(brand="Other", retailer="Shop", country="fr", site="https://shop.example")
    for record in read_products(path, "auto", defaults):
        assert isinstance(record, ProductRecord)
        assert (record.retailer, record.country) == ("Shop", "FR")
        assert record.brand != "Other"
