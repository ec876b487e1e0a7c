"""The sample that is installed for the demo: complete, small, readable, and of every kind."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from embedding.image.decode import decode
from service.demo.sample import PICTURES, copy_sample, read_sample

KINDS = 15
MOST_BYTES = 8_000_000


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def installed():
    return read_sample(PICTURES)


def test_every_picture_is_listed_and_every_listed_one_is_there(installed):
    listed = [row["path"] for feed in (installed.catalogue, installed.objects) for row in table(feed)]
    listed += [str(query.path.relative_to(PICTURES)) for query in installed.queries_in("objects")]
    assert sorted(listed) == sorted(str(path.relative_to(PICTURES)) for path in PICTURES.glob("*/*"))


def test_it_is_small_and_its_pictures_can_be_read():
    assert sum(path.stat().st_size for path in PICTURES.rglob("*") if path.is_file()) <= MOST_BYTES
    for path in PICTURES.glob("*/*"):
        assert min(decode(path.read_bytes()).shape[:2]) >= 48, path


def test_the_truth_names_what_the_feeds_have(installed):
    products = {row["product_id"] for row in table(installed.catalogue)}
    objects = {row["object_id"] for row in table(installed.objects)}
    assert {query.right_id for query in installed.queries_in("catalogue")} <= products
    assert {query.right_id for query in installed.queries_in("objects")} == objects


def test_there_are_objects_of_every_kind_in_every_state(installed):
    objects = {row["object_id"]: row for row in table(installed.objects)}.values()
    assert len({row["category"] for row in table(installed.catalogue)}) >= KINDS
    kinds = Counter(row["kind"] for row in objects)
    assert len(kinds) == KINDS
    assert min(kinds.values()) >= 2
    assert {row["status"] for row in objects} == {"open", "identified", "closed"}


@pytest.mark.parametrize("products", [1, 17, 150])
def test_a_part_of_it_is_complete_too(tmp_path, products):
    part = copy_sample(tmp_path, products)
    listed = table(part.catalogue)
    assert len({row["product_id"] for row in listed}) == products
    assert {query.right_id for query in part.queries_in("catalogue")} <= {row["product_id"] for row in listed}
    objects = table(part.objects)
    assert {query.right_id for query in part.queries_in("objects")} == {row["object_id"] for row in objects}
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")}
    photos = {str(query.path.relative_to(tmp_path)) for query in part.queries_in("objects")}
    assert there == {row["path"] for row in (*listed, *objects)} | photos
