"""Buckets by fsspec URL: listed, read without a copy, and kept to the addresses that may be contacted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from index.errors import FeedError
from index.sources.web.bucket_client import open_bucket
from tests.index.sources.web.conftest import S3Bucket
from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import picture

LATER = date(2026, 1, 6)
TREE = {"Umbra/desk-lamp/1.jpg": 1, "Umbra/desk-lamp/2.jpg": 2, "Umbra/stool/1.jpg": 3, "loose_cup.jpg": 4}


@pytest.fixture
def memory() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for name, seed in TREE.items():
        files.pipe(f"/shop/{name}", picture(seed))
    files.pipe("/shop/notes.txt", b"no picture")
    yield files
    files.rm("/shop", recursive=True)


def test_a_folder_in_a_bucket_is_read_as_a_folder_on_disk_is(memory: Any, reader: Reader) -> None:
    reader.add("memory://shop")
    read = reader.read(pictures=True)
    assert (read.changes["shop"].added, read.new_images) == (3, 4)
    assert {name: entry["title"] for name, entry in reader.entries().items()} == {
        "Umbra/desk-lamp": "desk lamp",
        "Umbra/stool": "stool",
        "loose_cup.jpg": "loose cup",
    }
    copies = [path for path in (reader.root / "feeds").rglob("*") if path.suffix == ".jpg"]
    assert not copies


def test_a_picture_that_changed_is_read_again(memory: Any, reader: Reader) -> None:
    reader.add("memory://shop")
    reader.read(pictures=True)
    assert reader.read(LATER, pictures=True).new_images == 0
    memory.pipe("/shop/Umbra/stool/1.jpg", picture(9))
    assert reader.read(LATER, pictures=True).new_images == 1
    memory.rm("/shop/Umbra/stool/1.jpg")
    assert reader.read(LATER, pictures=True).changes["shop"].gone == 1


def test_a_feed_in_a_bucket_is_read(memory: Any, reader: Reader) -> None:
    memory.pipe("/shop/feed.csv", b"product_id,image_link\np,https://x.example/1.jpg\n")
    reader.add("memory://shop/feed.csv")
    assert reader.read().changes["shop"].added == 1


def test_a_feed_cannot_read_a_bucket_of_ours(memory: Any, server: Any, reader: Reader) -> None:
    feed = "product_id,image_link\np,memory://shop/loose_cup.jpg\n"
    reader.add(server.put("/feed.csv", feed, "text/csv"))
    assert reader.read(pictures=True).new_images == 0
    assert "only http and https are fetched" in reader.refused()["url-refused"]


@pytest.mark.parametrize("url", ["memory://nothing", "s3://no-such-bucket-here/x"])
def test_a_bucket_that_is_empty_or_not_there_is_one_clear_line(
    url: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    reader.add(url)
    (failure,) = reader.read().failed
    assert "\n" not in failure


def test_an_s3_bucket_is_listed_and_read(s3: S3Bucket, reader: Reader) -> None:
    s3.put(TREE)
    reader = Reader(reader.root, frozenset({s3.netloc}))
    reader.add("s3://pictures/shop")
    read = reader.read(pictures=True)
    assert not read.failed
    assert (read.changes["shop"].added, read.new_images) == (3, 4)
    s3.put({"Umbra/stool/1.jpg": 9})
    again = reader.read(LATER, pictures=True)
    assert (again.changes["shop"].unchanged, again.new_images) == (3, 1)


def test_an_endpoint_at_a_private_address_is_not_contacted(s3: S3Bucket) -> None:
    s3.put(TREE)
    with pytest.raises(FeedError, match="loopback"):
        open_bucket("s3://pictures/shop", frozenset())


def test_a_name_that_leads_to_a_private_address_has_none_for_the_library() -> None:
    pytest.importorskip("aiohttp")
    import asyncio

    from index.sources.fetching.address import AddressPolicy
    from index.sources.web.checked_resolver import CheckedResolver

    with pytest.raises(OSError, match="loopback"):
        asyncio.run(CheckedResolver(AddressPolicy()).resolve("localhost", 80))


@pytest.mark.parametrize("url", ["file:///etc", "ftp://host/x", "simplecache::s3://b/x", "github://a:b@/x"])
def test_other_schemes_are_no_buckets(url: str) -> None:
    with pytest.raises(FeedError, match="buckets are"):
        open_bucket(url, frozenset())
