"""One small catalogue in every format: the same products come out, whatever it was written in."""

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

CATALOGUE = [
    ProductRecord(0, "A-1", ("https://shop.example/1.jpg", "https://shop.example/1b.jpg"), "Lampe, « é »", "Umbra"),
    ProductRecord(0, "A-2", ("https://shop.example/2.jpg",), 'Cup 5" & <lid>', "Tom's; Cups"),
    ProductRecord(0, "A-3", ("https://shop.example/3.jpg", "https://shop.example/3b.jpg"), "靴 | boot", "B\\n"),
]
CATALOGUE = [
    replace(product, category="Home > Kitchen", price="12.50 EUR", link=f"https://shop.example/p/{product.product_id}")
    for product in CATALOGUE
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
CATALOGUE_OF_MORE = [CATALOGUE[0], replace(CATALOGUE[1], **MORE), CATALOGUE[2]]
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
    told = (product.product_id, product.title, product.brand, product.category, product.price, product.link)
    details = (getattr(product, field) for field in _DETAILS)
    return dict(zip(_COLUMNS, (*told, product.pictures[0], ",".join(product.pictures[1:]), *details), strict=True))


@dataclass(frozen=True)
class Written:
    """How one format is written: a piece a product, a piece that is broken, and the file around the pieces."""

    name: str
    format: str
    file: str
    piece: Callable[[ProductRecord], str]
    broken: str
    before: str = ""
    between: str = "\n"
    after: str = "\n"
    untold: tuple[str, ...] = ()

    def write(self, folder: Path, pieces: list[str]) -> Path:
        path = folder / self.file
        path.write_text(self.before + self.between.join(pieces) + self.after, encoding="utf-8", newline="")
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
    told = {"id": product.product_id, "title": product.title, "handle": product.product_id and "h", "url": product.link}
    told |= {"vendor": product.brand, "product_type": product.category}
    told |= {"body_html": f"<p>{escape(product.description)}</p>"}
    variants = [{"id": 7, "barcode": gtin} for gtin in split_values(product.gtin) or ("",)]
    return json.dumps({**told, "variants": variants, "images": [{"src": one} for one in product.pictures]})


def _page(product: ProductRecord) -> str:
    offer = {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR"}
    told = {"@type": "Product", "sku": product.product_id, "name": product.title.replace("&", "&amp;")}
    brands = [{"@type": "Brand", "name": brand} for brand in split_values(product.brand)]
    told |= {"brand": brands if len(brands) > 1 else brands[0], "category": product.category, "url": product.link}
    told |= {"countryOfOrigin": [{"@type": "Country", "name": name} for name in split_values(product.made_in)]}
    told |= {"gtin": list(split_values(product.gtin)), "inProductGroupWithID": product.variant_group}
    told |= {"description": product.description.replace("&", "&amp;"), "license": product.licence}
    return json.dumps({**told, "image": list(product.pictures), "offers": offer}).replace("<", "\\u003c")


WRITTEN = [
    *(
        Written(
            name=f"csv {delimiter!r}",
            format="csv",
            file="feed.csv",
            piece=lambda product, delimiter=delimiter: _delimited(product, delimiter),
            broken=delimiter.join(("A-9", '"open', "x")),
            before=delimiter.join(_COLUMNS) + "\n",
        )
        for delimiter in (",", ";", "\t", "|")
    ),
    Written("jsonl", "jsonl", "feed.jsonl", _json, '{"id": "A-9", "title": }'),
    Written("json list", "jsonl", "feed.json", _json, '{"id": "A-9", "title": }', "[\n", ",\n", "]"),
    Written(
        "json minified", "jsonl", "feed.json", _json, '{"id": "A-9", "title": }', '{"count":3,"products":[', ",", "]}"
    ),
    Written(
        name="google tsv",
        format="google",
        file="feed.txt",
        piece=lambda product: _delimited(product, "\t") + "\tin_stock",
        broken="A-9\tx",
        before="\t".join((*_COLUMNS, "availability")) + "\n",
    ),
    Written(
        name="google rss",
        format="google",
        file="feed.xml",
        piece=lambda product: _google(product, "item"),
        broken="<item><g:id>A-9</g:id><g:title>a & b</g:title></item>",
        before='<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>',
        after="</channel></rss>",
    ),
    Written(
        name="google atom",
        format="google",
        file="feed.xml",
        piece=lambda product: _google(product, "entry"),
        broken="<entry><g:id>A-9</g:id><g:title>a < b</g:title>",
        before='<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><link href="https://x/"/>',
        after="</feed>",
    ),
    Written(
        name="shopify",
        format="shopify",
        file="products.json",
        piece=_shopify,
        broken='{"id": 9, "title": }',
        before='{"products":[',
        between=",",
        after="]}",
        untold=("price", "made_in", "variant_group", "licence"),
    ),
    Written(
        name="schemaorg",
        format="schemaorg",
        file="page.html",
        piece=lambda product: f'<script type="application/ld+json">{_page(product)}</script>',
        broken='<script type="application/ld+json">{"@type": "Product", }</script>',
        before='<!DOCTYPE html><html><head><meta charset="utf-8">',
        after="</head><body>Price: 3</body></html>",
    ),
]


def _plain(product: ProductRecord, untold: tuple[str, ...] = ()) -> ProductRecord:
    return replace(product, number=0, **dict.fromkeys(untold, ""))


def _tar(path: Path, samples: list[tuple[str, str, ProductRecord]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for key, told, product in samples:
            pictures = {f"{key}.{number}.jpg": one.encode() for number, one in enumerate(product.pictures)}
            for name, content in {**pictures, f"{key}.json": told.encode()}.items():
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


@pytest.fixture(params=WRITTEN, ids=lambda written: written.name)
def written(request: pytest.FixtureRequest) -> Written:
    if request.param.format == "schemaorg":
        pytest.importorskip("lxml")
    return request.param


def test_every_format_has_a_reader() -> None:
    assert sorted(reader.format for reader in open_feed.READERS) == sorted(FORMATS)


def test_the_same_products_come_out(written: Written, tmp_path: Path) -> None:
    path = written.write(tmp_path, [written.piece(product) for product in CATALOGUE])
    expected = [_plain(product, written.untold) for product in CATALOGUE]
    assert detect(path) == written.format
    for format in ("auto", written.format):
        records = list(read_products(path, format))
        assert [_plain(record) if isinstance(record, ProductRecord) else record for record in records] == expected
    assert len({record.number for record in records}) == len(CATALOGUE)


def test_the_fields_that_not_every_feed_has(written: Written, tmp_path: Path) -> None:
    path = written.write(tmp_path, [written.piece(product) for product in CATALOGUE_OF_MORE])
    expected = [_plain(product, written.untold) for product in CATALOGUE_OF_MORE]
    assert [_plain(one) if isinstance(one, ProductRecord) else one for one in read_products(path)] == expected


def test_a_gtin_that_is_none_costs_nothing_but_itself(written: Written, tmp_path: Path) -> None:
    wrong = replace(CATALOGUE_OF_MORE[1], gtin="4006381333932 | 0036000291452")
    path = written.write(tmp_path, [written.piece(CATALOGUE[0]), written.piece(wrong)])
    [first, second, refused] = read_products(path)
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert (second.product_id, second.gtin) == (wrong.product_id, "0036000291452")
    assert isinstance(refused, Refusal)
    assert refused.reason == "bad-gtin"


def test_a_broken_row_leaves_the_others(written: Written, tmp_path: Path) -> None:
    pieces = [written.piece(product) for product in CATALOGUE]
    path = written.write(tmp_path, [pieces[0], written.broken, *pieces[1:]])
    read = list(read_products(path))
    products = [_plain(record) for record in read if isinstance(record, ProductRecord)]
    refusals = [record for record in read if isinstance(record, Refusal)]
    assert products == [_plain(product, written.untold) for product in CATALOGUE]
    assert len(refusals) == 1
    assert refusals[0].where.startswith(str(path))
    assert refusals[0].reason
    assert refusals[0].message


@pytest.mark.parametrize("missing", ["product_id", "pictures"])
def test_a_row_without_id_or_picture_is_refused(written: Written, tmp_path: Path, missing: str) -> None:
    blank = replace(CATALOGUE[1], **{missing: "" if missing == "product_id" else ("",)})
    path = written.write(tmp_path, [written.piece(one) for one in (CATALOGUE[0], blank, CATALOGUE[2])])
    read = list(read_products(path))
    if written.format == "schemaorg" and missing == "product_id":
        # A page's address names its product well enough.
        assert [record.product_id for record in read if isinstance(record, ProductRecord)][1] == CATALOGUE[1].link
        return
    assert [type(record) for record in read] == [ProductRecord, Refusal, ProductRecord]
    assert read[1].reason == {"product_id": "no-id", "pictures": "no-picture"}[missing]


def test_nothing_is_read_twice_or_ahead(written: Written, tmp_path: Path) -> None:
    """The first product is there while most of a feed of two megabytes is unread."""
    if not Path("/proc/self/fdinfo").is_dir():
        pytest.skip("open files' positions are told by /proc")
    if written.format == "schemaorg":
        pytest.skip("a page is one product's; pages are read one by one, which the test of folders shows")
    piece = written.piece(CATALOGUE[0])
    path = written.write(tmp_path, [piece] * (2_000_000 // len(piece)))
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


def test_webdataset_tells_the_same(tmp_path: Path) -> None:
    def told(product: ProductRecord) -> str:
        return json.dumps({**_cells(product), "url": "https://elsewhere.example/"})

    samples = [(f"{number:09d}", told(product), product) for number, product in enumerate(CATALOGUE_OF_MORE)]
    path = _tar(tmp_path / "00000.tar", [samples[0], ("000000009", "{", CATALOGUE[1]), *samples[1:]])
    assert detect(path) == detect(tmp_path) == "webdataset"
    for source in (path, tmp_path):
        read = list(read_products(source))
        assert [type(record) for record in read] == [ProductRecord, Refusal, ProductRecord, ProductRecord]
        for (key, _, product), record in zip(
            samples, [one for one in read if isinstance(one, ProductRecord)], strict=True
        ):
            pictures = tuple(f"{path}#{key}.{number}.jpg" for number in range(len(product.pictures)))
            assert _plain(record) == replace(_plain(product), pictures=pictures)


def test_parquet_tells_the_same(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "feed.parquet", CATALOGUE)
    assert detect(path) == "parquet"
    assert [_plain(record) for record in read_products(path)] == CATALOGUE
    path = _parquet(tmp_path / "more.parquet", CATALOGUE_OF_MORE)
    assert [_plain(record) for record in read_products(path)] == CATALOGUE_OF_MORE


def test_parquet_refuses_a_row_and_goes_on(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "feed.parquet", [CATALOGUE[0], replace(CATALOGUE[1], product_id=""), CATALOGUE[2]])
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
def test_what_is_no_feed_ends_in_a_clear_word(format: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(content)
    refused = []
    try:
        refused = list(read_products(path, format))
        told = bool(refused)
    except FeedError as error:
        told = str(path) in str(error)
    assert told
    assert all(isinstance(record, Refusal) for record in refused)


def test_defaults_fill_in_what_a_feed_does_not_tell(written: Written, tmp_path: Path) -> None:
    path = written.write(tmp_path, [written.piece(product) for product in CATALOGUE])
    defaults = Defaults(brand="Other", retailer="Shop", country="fr", site="https://shop.example")
    for record in read_products(path, "auto", defaults):
        assert isinstance(record, ProductRecord)
        assert (record.retailer, record.country) == ("Shop", "FR")
        assert record.brand != "Other"
