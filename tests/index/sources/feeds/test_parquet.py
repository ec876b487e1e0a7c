"""Parquet feeds: types, nulls, structs, damage, and the library that may be missing."""

from __future__ import annotations

import datetime
import decimal
import sys
from pathlib import Path

import pytest

pyarrow = pytest.importorskip("pyarrow", reason="the extra `feeds` is not installed")
from pyarrow import parquet  # noqa: E402

from index.errors import FeedError  # noqa: E402
from index.records.feed_records import ObjectRecord, ProductRecord, Refusal  # noqa: E402
from index.sources.feeds import detect, read_objects, read_products  # noqa: E402
from tests.feeds import until_cut  # noqa: E402


def written(path: Path, columns: dict[str, object], **options: object) -> Path:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def test_types(tmp_path: Path) -> None:
    path = written(
        tmp_path / "feed.parquet",
        {
            "id": [7, 8, None],
            "title": ["a", None, "c"],
            "price": pyarrow.array([decimal.Decimal("9.50"), None, None]),
            "currency": ["EUR", None, None],
            "brand": [{"name": "B"}, None, None],
            "image": ["a.jpg", "b,c.jpg", "d.jpg"],
            "images": [["x.jpg", None, "y.jpg"], None, []],
            "first_seen": [datetime.datetime(2024, 1, 2, 3), None, None],
            "last_seen": [datetime.date(2024, 5, 6), None, None],
            "pixels": [b"1", b"2", b"3"],
        },
    )
    first, second, third = read_products(path)
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert (first.product_id, first.price, first.brand) == ("7", "9.50 EUR", "B")
    assert (first.first_seen, first.last_seen) == (datetime.date(2024, 1, 2), datetime.date(2024, 5, 6))
    assert [Path(one).name for one in first.pictures] == ["a.jpg", "x.jpg", "y.jpg"]
    assert (second.title, second.brand, second.price) == ("", "", "")
    assert second.pictures == (str(tmp_path / "b,c.jpg"),)
    assert third == Refusal(f"{path}: row 3", "no-id", third.message if isinstance(third, Refusal) else "")


def test_objects(tmp_path: Path) -> None:
    path = written(
        tmp_path / "o.parquet", {"object_id": ["o"], "crops": [["a.jpg", "b.jpg"]], "authority": ["Europol"]}
    )
    (record,) = read_objects(path)
    assert isinstance(record, ObjectRecord)
    assert (record.authority, len(record.pictures)) == ("Europol", 2)


def test_a_damaged_row_group_leaves_the_others(tmp_path: Path) -> None:
    names = [f"product-{number:06}" for number in range(3000)]
    path = written(
        tmp_path / "feed.parquet",
        {"id": names, "image": [f"{name}.jpg" for name in names]},
        row_group_size=1000,
        compression="zstd",
        use_dictionary=False,
    )
    assert detect(path) == "parquet"
    column = parquet.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset + 40
    content[start : start + 300] = bytes(300)
    path.write_bytes(content)
    read, error = until_cut(read_products(path))
    assert "1000 rows are damaged" in error
    refused = [record for record in read if isinstance(record, Refusal)]
    assert [(one.reason, one.where) for one in refused] == [("damaged", f"{path}: rows 1001 to 2000")]
    products = [record for record in read if isinstance(record, ProductRecord)]
    assert [record.product_id for record in products] == names[:1000] + names[2000:]
    assert products[1000].number == 2001


def test_missing_columns_and_broken_files_are_errors(tmp_path: Path) -> None:
    path = written(tmp_path / "feed.parquet", {"id": [1], "colour": ["x"]})
    with pytest.raises(FeedError, match=r"no column for a picture .*found: id, colour"):
        read_products(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FeedError, match="not a readable Parquet file"):
        read_products(path)


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "feed.parquet", {"id": [1], "image": ["a.jpg"]})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(FeedError, match=r"needs pyarrow, which is not installed: pip install 'traceobject\[feeds\]'"):
        read_products(path)
