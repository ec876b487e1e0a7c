"""One small catalogue in every format: the same products come out, whatever it was written in."""

from __future__ import annotations

import csv
import importlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
MORE_OF_CATALOGUE = [CATALOGUE[0], replace(CATALOGUE[1], **MORE), CATALOGUE[2]]
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
class Written:
    """How one format is written: a piece a product, a piece that is broken, and the file around the pieces.

    `marks_its_end`: a feed that is cut between two pieces can be recognised.
    """

    name: str
    format: str
    file: str
    piece: Callable[[ProductRecord], str]
    broken: str
    before: str = ""
    between: str = "\n"
    after: str = "\n"
    absent: tuple[str, ...] = ()
    marks_its_end: bool = True

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
    item = {"id": product.product_id, "title": product.title, "handle": product.product_id and "h", "url": product.link}
    item |= {"vendor": product.brand, "product_type": product.category}
    item |= {"body_html": f"<p>{escape(product.description)}</p>"}
    variants = [{"id": 7, "barcode": gtin} for gtin in split_values(product.gtin) or ("",)]
    return json.dumps({**item, "variants": variants, "images": [{"src": one} for one in product.pictures]})


def _page(product: ProductRecord) -> str:
    offer = {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR"}
    node = {"@type": "Product", "sku": product.product_id, "name": product.title.replace("&", "&amp;")}
    brands = [{"@type": "Brand", "name": brand} for brand in split_values(product.brand)]
    node |= {"brand": brands if len(brands) > 1 else brands[0], "category": product.category, "url": product.link}
    node |= {"countryOfOrigin": [{"@type": "Country", "name": name} for name in split_values(product.made_in)]}
    node |= {"gtin": list(split_values(product.gtin)), "inProductGroupWithID": product.variant_group}
    node |= {"description": product.description.replace("&", "&amp;"), "license": product.licence}
    return json.dumps({**node, "image": list(product.pictures), "offers": offer}).replace("<", "\\u003c")


WRITTEN = [
    *(
        Written(
            name=f"csv {delimiter!r}",
            format="csv",
            file="feed.csv",
            piece=lambda product, delimiter=delimiter: _delimited(product, delimiter),
            broken=delimiter.join(("A-9", '"open', "x")),
            before=delimiter.join(_COLUMNS) + "\n",
            marks_its_end=False,
        )
        for delimiter in (",", ";", "\t", "|")
    ),
    Written("jsonl", "jsonl", "feed.jsonl", _json, '{"id": "A-9", "title": }', marks_its_end=False),
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
        marks_its_end=False,
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
        absent=("price", "made_in", "variant_group", "licence"),
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


def _plain(product: ProductRecord, absent: tuple[str, ...] = ()) -> ProductRecord:
    return replace(product, number=0, **dict.fromkeys(absent, ""))


def _tar(path: Path, samples: list[tuple[str, str, ProductRecord]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for key, described, product in samples:
            pictures = {f"{key}.{number}.jpg": one.encode() for number, one in enumerate(product.pictures)}
            for name, content in {**pictures, f"{key}.json": described.encode()}.items():
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
    expected = [_plain(product, written.absent) for product in CATALOGUE]
    assert detect(path) == written.format
    for format in ("auto", written.format):
        records = list(read_products(path, format))
        assert [_plain(record) if isinstance(record, ProductRecord) else record for record in records] == expected
    assert len({record.number for record in records}) == len(CATALOGUE)


def test_the_fields_that_not_every_feed_has(written: Written, tmp_path: Path) -> None:
    path = written.write(tmp_path, [written.piece(product) for product in MORE_OF_CATALOGUE])
    expected = [_plain(product, written.absent) for product in MORE_OF_CATALOGUE]
    assert [_plain(one) if isinstance(one, ProductRecord) else one for one in read_products(path)] == expected


def test_a_gtin_that_is_none_costs_nothing_but_itself(written: Written, tmp_path: Path) -> None:
    wrong = replace(MORE_OF_CATALOGUE[1], gtin="4006381333932 | 0036000291452")
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
    assert products == [_plain(product, written.absent) for product in CATALOGUE]
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
    assert [isinstance(record, ProductRecord) for record in read] == [True, False, True]
    assert read[1].reason == {"product_id": "no-id", "pictures": "no-picture"}[missing]
    # Without a picture it names its entry all the same; without an identifier it names none.
    assert getattr(read[1], "entry_ids", ()) == (() if missing == "product_id" else ("A-2",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(share=st.floats(0, 1))
def test_a_feed_that_is_cut_is_no_complete_reading(written: Written, share: float, tmp_path: Path) -> None:
    """Wherever it is cut: unless nothing is lost by it, or the format has no mark at its end."""
    path = written.write(tmp_path, [written.piece(product) for product in CATALOGUE])
    whole = [_plain(record) for record in read_products(path, written.format) if isinstance(record, ProductRecord)]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    read, error = _read(path, written.format)
    if error or read == whole:
        return
    assert not written.marks_its_end
    assert read[:-1] == whole[: max(0, len(read) - 1)]
    # The last cell of the last row may have lost its end.
    ends = [(one.product_id, one.title, one.brand, one.price, one.link) for one in read[-1:]]
    assert ends == [(one.product_id, one.title, one.brand, one.price, one.link) for one in whole[: len(read)][-1:]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(share=st.floats(0, 1), kind=st.sampled_from(["parquet", "tar", "gz", "zip", "zst", "bz2", "xz"]))
def test_a_binary_feed_that_is_cut_is_no_complete_reading(kind: str, share: float, tmp_path: Path) -> None:
    path = _packed(tmp_path, kind)
    whole, error = _read(path)
    assert error == ""
    assert len(whole) == len(CATALOGUE)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    read, error = _read(path)
    assert error or read == whole


def _read(path: Path, format: str = "auto") -> tuple[list[ProductRecord], str]:
    """The products up to the end of a feed, and the error with which it ends; empty where it ends as it should."""
    products = []
    try:
        for record in read_products(path, format):
            if isinstance(record, ProductRecord):
                products.append(_plain(record))
    except FeedError as error:
        return products, str(error)
    return products, ""


def _packed(folder: Path, kind: str) -> Path:
    if kind == "parquet":
        return _parquet(folder / "feed.parquet", CATALOGUE)
    if kind == "tar":
        samples = [(f"{number:09d}", json.dumps(_cells(product)), product) for number, product in enumerate(CATALOGUE)]
        return _tar(folder / "00000.tar", samples)
    plain = WRITTEN[0].write(folder, [WRITTEN[0].piece(product) for product in CATALOGUE])
    path = folder / f"feed.csv.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(plain, plain.name)
    else:
        module = importlib.import_module({"gz": "gzip", "zst": "backports.zstd", "xz": "lzma"}.get(kind, kind))
        path.write_bytes(module.compress(plain.read_bytes()))
    return path


def test_nothing_is_read_twice_or_ahead(written: Written, tmp_path: Path) -> None:
    """The first product is there while most of a feed of two megabytes is unread."""
    if not Path("/proc/self/fdinfo").is_dir():
        pytest.skip("open files' positions are shown by /proc")
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


def test_webdataset_gives_the_same(tmp_path: Path) -> None:
    def described(product: ProductRecord) -> str:
        return json.dumps({**_cells(product), "url": "https://elsewhere.example/"})

    samples = [(f"{number:09d}", described(product), product) for number, product in enumerate(MORE_OF_CATALOGUE)]
    path = _tar(tmp_path / "00000.tar", [samples[0], ("000000009", "{", CATALOGUE[1]), *samples[1:]])
    assert detect(path) == detect(tmp_path) == "webdataset"
    for source in (path, tmp_path):
        read = list(read_products(source))
        assert [isinstance(record, ProductRecord) for record in read] == [True, False, True, True]
        for (key, _, product), record in zip(
            samples, [one for one in read if isinstance(one, ProductRecord)], strict=True
        ):
            pictures = tuple(f"{path}#{key}.{number}.jpg" for number in range(len(product.pictures)))
            assert _plain(record) == replace(_plain(product), pictures=pictures)


def test_parquet_gives_the_same(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "feed.parquet", CATALOGUE)
    assert detect(path) == "parquet"
    assert [_plain(record) for record in read_products(path)] == CATALOGUE
    path = _parquet(tmp_path / "more.parquet", MORE_OF_CATALOGUE)
    assert [_plain(record) for record in read_products(path)] == MORE_OF_CATALOGUE


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
        explained = bool(refused)
    except FeedError as error:
        explained = str(path) in str(error)
    assert explained
    assert all(isinstance(record, Refusal) for record in refused)


def test_defaults_fill_in_what_a_feed_does_not_have(written: Written, tmp_path: Path) -> None:
    path = written.write(tmp_path, [written.piece(product) for product in CATALOGUE])
    defaults = Defaults(brand="Other", retailer="Shop", country="fr", site="https://shop.example")
    for record in read_products(path, "auto", defaults):
        assert isinstance(record, ProductRecord)
        assert (record.retailer, record.country) == ("Shop", "FR")
        assert record.brand != "Other"
