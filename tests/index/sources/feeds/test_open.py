"""Feeds opened: the format by name or by content, the same on every way in."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from index.errors import FeedError
from index.records.feed_records import ObjectRecord, ProductRecord
from index.sources.feeds import FORMATS, detect, open_feed, read_objects, read_products


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b"id,image\n1,a.jpg\n", "csv"),
        ("id;image\n".encode("utf-16"), "csv"),
        (b"\xef\xbb\xbfid\timage\n", "csv"),
        (b"id\timage_link\tcondition\n", "google"),
        (b'{"id": 1}\n', "jsonl"),
        (b'\n [ {"id": 1} ]', "jsonl"),
        (b'{"products":[{"id":1,"handle":"x","variants":[]}]}', "shopify"),
        (b'{"products":[{"id":1}]}', "jsonl"),
        (b'{"id":1,"handle":"x","variants":[]}\n{"id":2}\n', "jsonl"),
        (b"<?xml version='1.0'?><!-- <html> --><rss><channel/></rss>", "google"),
        (b"<a:feed xmlns:a='http://www.w3.org/2005/Atom'/>", "google"),
        (b"<!DOCTYPE html>\n<html>", "schemaorg"),
        (b"<!-- saved -->\n<HTML lang='en'><rss>", "schemaorg"),
        (b"PAR1xxxx", "parquet"),
    ],
)
def test_formats_are_told_by_content_not_by_name(tmp_path: Path, content: bytes, format: str) -> None:
    for name in ("feed", "feed.xml", "feed.csv", "feed.json"):
        (tmp_path / name).write_bytes(content)
        assert detect(tmp_path / name) == format


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"colour,size\n", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4", b"<svg/>", b"\0" * 600]
)
def test_what_is_no_feed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "feed"
    path.write_bytes(content)
    with pytest.raises(FeedError, match="is not recognised by content") as told:
        detect(path)
    assert all(format in str(told.value) for format in FORMATS)
    assert str(told.value).isprintable()


def test_errors_come_when_the_feed_is_opened_not_at_its_first_row(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text("id,title\n1,x\n")
    for opened in (read_products, read_objects):
        with pytest.raises(FeedError, match="no column for a picture"):
            opened(path)
        with pytest.raises(FeedError, match="no such feed format"):
            opened(path, "pdf")
        with pytest.raises(FeedError, match="no such file or folder"):
            opened(tmp_path / "gone")


def test_readers_do_not_know_products() -> None:
    """One mapping turns rows into records; a reader that made records itself would have a mapping of its own."""
    for reader in open_feed.READERS:
        source = inspect.getsource(inspect.getmodule(reader))  # type: ignore[arg-type]
        assert "ProductRecord" not in source
        assert "ObjectRecord" not in source


def test_pictures_that_cannot_be_used_are_reported_beside_the_product(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text(json.dumps({"id": 1, "images": ["a.jpg", "ftp://h/b.jpg", "./a.jpg", "data:image/png,x"]}) + "\n")
    read = list(read_products(path))
    assert isinstance(read[0], ProductRecord)
    assert read[0].pictures == (str(tmp_path / "a.jpg"),)
    assert [getattr(one, "reason", "") for one in read[1:]] == ["bad-picture", "bad-picture"]
    assert all(getattr(one, "where", "") == f"{path}:1" for one in read[1:])


def test_a_relative_feed_path_gives_absolute_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "feed.csv").write_text("id,image\n1,a.jpg\n")
    (tmp_path / "b.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    for source in (Path("feed.csv"), Path()):
        record = next(read_objects(source))
        assert isinstance(record, ObjectRecord)
        assert Path(record.pictures[0]).is_absolute()
        assert Path(record.pictures[0]).parent == tmp_path
