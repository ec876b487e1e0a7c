"""A folder of pictures as a feed: which pictures make one product, and what is passed over."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from index.errors import FeedError
from index.records.feed_records import ObjectRecord, ProductRecord, Refusal
from index.sources.feeds import detect, read_objects, read_products
from index.sources.feeds.folder import PRODUCT_PICTURES
from tests.fakes import render_file
from tests.feeds import until_cut


def laid(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def products(root: Path) -> dict[str, list[str]]:
    """The pictures of each product; what is no picture is reported beside them."""
    found = {}
    for record in read_products(root):
        if isinstance(record, Refusal):
            assert record.reason == "not-a-picture"
            continue
        pictures = [Path(picture).relative_to(root.absolute()).as_posix() for picture in record.pictures]
        found[record.product_id] = pictures
    return found


def test_the_rule(tmp_path: Path) -> None:
    laid(
        tmp_path,
        "top.jpg",
        "other.png",
        "Umbra/desk-lamp/1.jpg",
        "Umbra/desk-lamp/2.JPEG",
        "Umbra/cup/only.webp",
        "mixed/cover.jpg",
        "mixed/inner/a.heic",
        "empty/readme.txt",
        *(f"shoes/{number:03}.jpg" for number in range(PRODUCT_PICTURES + 1)),
    )
    found = products(tmp_path)
    assert found.pop("Umbra/desk-lamp") == ["Umbra/desk-lamp/1.jpg", "Umbra/desk-lamp/2.JPEG"]
    assert found.pop("Umbra/cup") == ["Umbra/cup/only.webp"]
    assert found.pop("mixed/inner") == ["mixed/inner/a.heic"]
    assert found == {
        name: [name]
        for name in (
            "top.jpg",
            "other.png",
            "mixed/cover.jpg",
            *(f"shoes/{n:03}.jpg" for n in range(PRODUCT_PICTURES + 1)),
        )
    }


def test_titles_and_categories(tmp_path: Path) -> None:
    laid(tmp_path, "red_mug-large.jpg", "Umbra/v1.5 lamp/a.jpg", "many/x.jpg", "many/sub/y.jpg")
    found = {r.product_id: (r.title, r.category) for r in read_products(tmp_path) if isinstance(r, ProductRecord)}
    assert found == {
        "red_mug-large.jpg": ("red mug large", ""),
        "Umbra/v1.5 lamp": ("v1.5 lamp", "Umbra"),
        "many/x.jpg": ("x", "many"),
        "many/sub": ("sub", "many"),
    }


def test_order_does_not_depend_on_the_disk(tmp_path: Path) -> None:
    names = [f"{letter}/{number}.jpg" for letter in "bdac" for number in (3, 1, 2)]
    orders = []
    for seed in (1, 2):
        shuffled = random.Random(seed).sample(names, len(names))
        orders.append(list(products(laid(tmp_path / str(seed), *shuffled)).items()))
    assert orders[0] == orders[1]
    assert [name for name, _ in orders[0]] == ["a", "b", "c", "d"]


def test_hidden_files_and_leftovers_are_passed_over(tmp_path: Path) -> None:
    laid(tmp_path, "a.jpg", ".b.jpg", ".cache/c.jpg", "__MACOSX/._a.jpg", "@eaDir/a.jpg", "Thumbs.db", "desktop.ini")
    (tmp_path / "folder.jpg").mkdir()
    (record,) = read_products(tmp_path)
    assert isinstance(record, ProductRecord)
    assert record.product_id == "a.jpg"


def test_other_files_are_listed_by_their_endings(tmp_path: Path) -> None:
    laid(tmp_path, "a.jpg", "notes.txt", "b/jpg", "x.svg", *(f"b/{number}.txt" for number in range(4)))
    _, *refused = read_products(tmp_path)
    assert [(refusal.where, refusal.reason) for refusal in refused if isinstance(refusal, Refusal)] == [
        (str(tmp_path), "not-a-picture")
    ] * 3
    messages = [refusal.message for refusal in refused if isinstance(refusal, Refusal)]
    assert [message.rpartition(": ")[2] for message in messages] == [
        "b/jpg", "x.svg", "notes.txt, b/0.txt, b/1.txt and 2 more",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["photo.jpg_large", "photo", "photo.img", "photo.jpg~", "photo.dat", "photo.jif"])
def test_pictures_under_other_endings_are_read(tmp_path: Path, name: str) -> None:
    render_file(tmp_path / "a.jpg", 1).rename(tmp_path / name)
    assert products(tmp_path) == {name: [name]}


def test_a_text_that_begins_like_a_picture_is_none(tmp_path: Path) -> None:
    laid(tmp_path, "a.jpg")
    (tmp_path / "cars.txt").write_text("BMW 3 series, BMW 5 series, and a few more lines of this\n")
    assert products(tmp_path) == {"a.jpg": ["a.jpg"]}


def test_loops_of_links_end_and_a_linked_folder_counts_once(tmp_path: Path) -> None:
    laid(tmp_path, "a/1.jpg", "a/2.jpg", "z.jpg")
    (tmp_path / "a2").symlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(products(tmp_path)) == ["z.jpg", "a"]


@pytest.mark.parametrize("name", ["broken.jpg", "broken"])
def test_a_link_that_leads_nowhere_may_hide_anything(tmp_path: Path, name: str) -> None:
    """As where a disk is not mounted: what lay behind it is not gone."""
    laid(tmp_path, "z.jpg")
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    read, error = until_cut(read_products(tmp_path))
    assert [type(record) for record in read] == [Refusal, ProductRecord]
    assert "leads nowhere" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_a_folder_that_may_not_be_listed_is_refused(tmp_path: Path) -> None:
    laid(tmp_path, "a.jpg", "closed/b.jpg")
    (tmp_path / "closed").chmod(0)
    try:
        read, error = until_cut(read_products(tmp_path))
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [type(record) for record in read] == [ProductRecord, Refusal]
    assert "cannot be listed" in error


def test_a_folder_that_goes_away_while_it_is_read_is_refused(tmp_path: Path) -> None:
    laid(tmp_path, "a.jpg", "gone/b.jpg", "kept/c.jpg")
    records = read_products(tmp_path)
    assert isinstance(next(records), ProductRecord)
    (tmp_path / "gone" / "b.jpg").unlink()
    (tmp_path / "gone").rmdir()
    rest, error = until_cut(records)
    assert "cannot be listed" in error
    assert [type(record) for record in rest] == [Refusal, ProductRecord]
    assert isinstance(rest[0], Refusal)
    assert rest[0].reason == "unreadable"


def test_names_that_are_not_unicode_are_refused(tmp_path: Path) -> None:
    laid(tmp_path, "a.jpg")
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    read = list(read_products(tmp_path))
    assert sorted(type(record).__name__ for record in read) == ["ProductRecord", "Refusal"]
    refusal = next(record for record in read if isinstance(record, Refusal))
    assert refusal.reason == "bad-file-name"
    refusal.where.encode("utf-8")


def test_names_with_odd_characters_keep_their_pictures(tmp_path: Path) -> None:
    names = ["a|b.jpg", "c, d.jpg", "e#f.jpg", "back\\slash.jpg", " lead.jpg", "q?x=1.jpg", "100%20.jpg"]
    laid(tmp_path, *names)
    found = {picture for pictures in products(tmp_path).values() for picture in pictures}
    assert found == set(names)


def test_no_pictures_is_an_error(tmp_path: Path) -> None:
    laid(tmp_path, "notes.txt")
    with pytest.raises(FeedError, match="no pictures in this folder"):
        list(read_products(tmp_path))
    with pytest.raises(FeedError, match="is not a folder"):
        list(read_products(tmp_path / "notes.txt", "folder"))


def test_a_list_in_the_folder_is_the_feed(tmp_path: Path) -> None:
    laid(tmp_path, "pictures/1.jpg", "pictures/2.jpg")
    (tmp_path / "products.csv").write_text("id,image\nA,pictures/1.jpg\n")
    (tmp_path / "objects.json").write_text('[{"id": "o1", "crops": ["pictures/2.jpg"]}]')
    assert products(tmp_path) == {"A": ["pictures/1.jpg"]}
    assert [record.product_id for record in read_products(tmp_path, "folder") if isinstance(record, ProductRecord)] == [
        "pictures"
    ]
    (record,) = read_objects(tmp_path)
    assert isinstance(record, ObjectRecord)
    assert record.pictures == (str(tmp_path / "pictures/2.jpg"),)


def test_objects_from_a_folder(tmp_path: Path) -> None:
    laid(tmp_path, "bag.jpg", "shoe/1.jpg", "shoe/2.jpg")
    assert detect(tmp_path) == "folder"
    found = [(record.object_id, record.kind, len(record.pictures)) for record in read_objects(tmp_path)]  # type: ignore[union-attr]
    assert found == [("bag.jpg", "", 1), ("shoe", "", 2)]
