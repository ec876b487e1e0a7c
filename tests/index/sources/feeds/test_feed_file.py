"""Compressed feeds: unpacked as they are read, or refused in words."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import ObjectRecord, ProductRecord
from index.sources.feeds import detect, feed_file, read_objects, read_products
from index.sources.feeds.feed_file import FeedFile
from tests.feeds import until_cut
from tests.paths import SHARED

CSV = "id,image_link\n1,https://shop.example/p0.jpg\n"
XML = "<rss><channel><item><id>1</id><image_link>https://shop.example/p0.jpg</image_link></item></channel></rss>"
JSON = '[{"id": "1", "image_link": "https://shop.example/p0.jpg"}]'
LINES = '{"id": "1", "image_link": "https://shop.example/p0.jpg"}\n'
PAGE = (
    '<html><script type="application/ld+json">{"@type": "Product", "sku": "1", "image": "https://shop.example/p0.jpg"}'
    "</script></html>"
)
FEEDS = {"feed.csv": CSV, "feed.xml": XML, "feed.json": JSON, "feed.jsonl": LINES, "page.html": PAGE}
KINDS = ["gz", "zip", "zst", "bz2", "xz"]


def packed(folder: Path, name: str, content: bytes, kind: str) -> Path:
    path = folder / f"{name}.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
    elif kind == "zst":
        path.write_bytes(pytest.importorskip("backports.zstd").compress(content))
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[kind].compress(content))
    return path


def ids(path: Path) -> list[str]:
    return [getattr(record, "product_id", "refused") for record in read_products(path)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FEEDS)
def test_a_compressed_feed_is_read(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text(FEEDS[name])
    path = packed(tmp_path, name, FEEDS[name].encode(), kind)
    assert detect(path) == detect(tmp_path / name)
    assert ids(path) == ["1"]


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_found_beside_it_and_objects_too(tmp_path: Path, kind: str) -> None:
    path = packed(tmp_path, "objects.csv", b"object_id,path\nA,p0.jpg\n", kind)
    (record,) = read_objects(path)
    assert isinstance(record, ObjectRecord)
    assert record.pictures == (str(tmp_path / "p0.jpg"),)


@pytest.mark.parametrize("kind", ["gz", "zip", "zst"])
def test_a_folder_that_carries_one(tmp_path: Path, kind: str) -> None:
    packed(tmp_path, "products.csv", CSV.encode(), kind)
    (tmp_path / "p0.jpg").write_bytes(b"x")
    assert ids(tmp_path) == ["1"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_damaged_is_incomplete(tmp_path: Path, kind: str) -> None:
    rows = "".join(f"{number},https://shop.example/{number * 7919 % 10007}.jpg\n" for number in range(20_000))
    path = packed(tmp_path, "feed.csv", f"id,image_link\n{rows}".encode(), kind)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    content[len(content) // 2 + 1] ^= 0xFF
    path.write_bytes(content)
    try:
        _, error = until_cut(read_products(path))
    except FeedError as refused:
        error = str(refused)
    assert str(path) in error


def test_which_file_of_a_zip_is_the_feed(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"

    def write(*names: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, CSV)

    for names in (["feed.csv"], ["a/b/feed.txt", "p0.jpg", "__MACOSX/._feed.txt", ".DS_Store"], ["feed"]):
        write(*names)
        assert ids(path) == ["1"]
    for names in (["a.csv", "b.csv"], ["p0.jpg", "p1.jpg"], []):
        write(*names)
        with pytest.raises(FeedError, match="which file in this zip archive is the feed"):
            ids(path)
    write("xl/workbook.xml", "xl/worksheets/sheet1.xml")
    with pytest.raises(FeedError, match="save the sheet as CSV"):
        ids(path)


@pytest.mark.parametrize("head", [b"7z\xbc\xaf\x27\x1c\0\4", b"Rar!\x1a\7\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_other_archives_are_refused_in_words(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "feed.csv"
    path.write_bytes(head + bytes(range(256)))
    for format in ("auto", "csv"):
        with pytest.raises(FeedError, match="unpack it, or export the feed as CSV"):
            list(read_products(path, format))


def test_what_is_read_in_place_is_not_read_out_of_an_archive(tmp_path: Path) -> None:
    tar = tmp_path / "x.tar"
    with tarfile.open(tar, "w") as archive:
        info = tarfile.TarInfo("1.jpg")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    for kind in ("gz", "zst"):
        with pytest.raises(FeedError, match="pictures are read in place: unpack it"):
            ids(packed(tmp_path, "x.tar", tar.read_bytes(), kind))
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(
        pyarrow.table({"id": ["1"], "image": ["a"]}), tmp_path / "x.parquet"
    )
    with pytest.raises(FeedError, match="unpack it first"):
        ids(packed(tmp_path, "x.parquet", (tmp_path / "x.parquet").read_bytes(), "gz"))


@pytest.mark.parametrize("kind", ["gz", "zst", "xz"])
def test_a_bomb_ends_in_words(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_file, "FREE_BYTES", 1_000_000)
    monkeypatch.setattr(feed_file, "MAX_RATIO", 100)
    path = packed(tmp_path, "feed.csv", b"id,image\n" + b"1,https://shop.example/a.jpg\n" * 500_000, kind)
    with pytest.raises(FeedError, match="unpacks to over 100 times its size"):
        list(read_products(path))


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = packed(tmp_path, "feed.csv", CSV.encode(), "zip")
    content = bytearray(path.read_bytes())
    for mark in (b"PK\3\4", b"PK\1\2"):
        at = content.index(mark) + (6 if mark == b"PK\3\4" else 8)
        content[at] |= 1
    path.write_bytes(content)
    with pytest.raises(FeedError, match="encrypted"):
        ids(path)


def test_a_disk_that_fails_is_an_incomplete_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(CSV + "".join(f"{number},https://shop.example/p0.jpg\n" for number in range(2, 30_000)))

    class Failing(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if self.tell() > 300_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setitem(feed_file._OPENERS, "", Failing)
    read, error = until_cut(read_products(path))
    assert "Input/output error" in error
    assert len(read) > 5_000


def test_head_of_a_feed_that_is_cut(tmp_path: Path) -> None:
    path = packed(tmp_path, "feed.csv", CSV.encode() * 2000, "gz")
    path.write_bytes(path.read_bytes()[:-9])
    assert FeedFile(path).head().startswith(CSV.encode())
    path.write_bytes(path.read_bytes()[:12])
    with pytest.raises(FeedIncomplete):
        FeedFile(path).head()


@pytest.mark.parametrize("name", ["feed.csv.gz", "feed.zip"])
def test_the_case(name: str) -> None:
    path = SHARED / "cases" / "21-packed-feeds" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert (record.product_id, record.pictures) == ("1", ("https://shop.example/p0.jpg",))
