"""Dumps of Open Food Facts and its sisters: filtered, with pictures' addresses and licence."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import Any

import pytest

from index.records.source_options import SourceOptions
from index.sources.web.open_facts import Where, picture_address, row_of
from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import ShopServer, facts_code, facts_product, put_facts

IN_NL = SourceOptions(where=(("countries", "nl"),))


def test_a_dump_is_found_by_content_and_filtered(server: ShopServer, reader: Reader) -> None:
    url = put_facts(server, 200)
    reader.add(url, options=IN_NL)
    assert reader.read().changes["shop"].added == 50
    code = facts_code(4)
    entry = reader.entries()[code]
    assert (entry["title"], entry["brand"], entry["country"]) == ("Soap 4", "Zeep | Clean", "NL")
    assert entry["link"] == f"https://world.openbeautyfacts.org/product/{code}"
    assert "ODbL" in entry["licence"]
    assert entry["gtin"] == code
    at = f"https://images.openbeautyfacts.org/images/products/870/000/000/{code[9:]}/front_nl.4.400.jpg"
    assert at in reader.references()
    server.reset()
    assert reader.read(date(2026, 1, 6)).changes["shop"].unchanged == 50
    assert [one.sent for one in server.asked if url.endswith(one.path)] == [0]


def test_another_filter_reads_the_same_dump_again(server: ShopServer, reader: Reader) -> None:
    url = put_facts(server, 40)
    reader.add(url, options=IN_NL)
    reader.read()
    reader.add(url, options=SourceOptions(where=(("countries", "France"),)))
    changes = reader.read().changes["shop"]
    assert (changes.added, changes.gone) == (30, 10)


@pytest.mark.parametrize(
    ("code", "folder"),
    [
        ("3435660768163", "343/566/076/8163"),
        ("42015086", "000/004/201/5086"),
        ("40123591143039", "401/235/911/43039"),
    ],
)
def test_pictures_lie_where_the_documentation_says(code: str, folder: str) -> None:
    at = f"https://images.openfoodfacts.org/images/products/{folder}/front_fr.7.400.jpg"
    assert picture_address(code, "fr", "7", "openfoodfacts") == at


@pytest.mark.parametrize("newer", [False, True])
def test_both_forms_of_images_are_read(newer: bool) -> None:
    row = row_of(facts_product(3, newer=newer), "openfoodfacts")
    assert row is not None
    assert str(row["image_link"]).endswith("/front_nl.4.400.jpg']")


@pytest.mark.parametrize(
    "images",
    [
        None,
        {},
        {"1": {}},
        {"front_nl": {}},
        {"front_nl": {"rev": "../x"}},
        {"front_../x": {"rev": "1"}},
        {"selected": 3},
    ],
)
def test_a_product_without_a_picture_of_its_front_is_left_out(images: Any) -> None:
    assert row_of({**facts_product(1), "images": images}, "openfoodfacts") is None


@pytest.mark.parametrize(
    ("where", "allowed"),
    [
        ((("countries", "nl"),), True),
        ((("countries", "Netherlands"),), True),
        ((("countries", "en:netherlands"),), True),
        ((("countries", "de"), ("countries", "nl")), True),
        ((("countries", "de"),), False),
        ((("countries", "nl"), ("brands", "zeep")), True),
        ((("countries", "nl"), ("brands", "other")), False),
    ],
)
def test_conditions_of_one_column_are_any_and_of_several_all(where: Any, allowed: bool) -> None:
    assert Where(where).allow(facts_product(1)) is allowed


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        (gzip.compress(b'{"code": "1"}\n' * 1000, mtime=0)[:-20], "cut short or damaged"),
        (gzip.compress(b'{"a": 1}\n', mtime=0), "this is no dump of Open Facts"),
        (gzip.compress(b" " * 70_000_000, mtime=0), "this is no dump"),
    ],
)
def test_what_is_no_whole_dump_is_one_clear_line(server: ShopServer, reader: Reader, packed: bytes, says: str) -> None:
    reader.add(server.put("/x.jsonl.gz", packed, "application/gzip"), format="openfacts")
    (failure,) = reader.read().failed
    assert says in failure


def test_a_filter_for_another_kind_is_refused(server: ShopServer, reader: Reader) -> None:
    feed = "product_id,image_link\np,https://x.example/1.jpg\n"
    reader.add(server.put("/feed.csv", feed, "text/csv"), options=IN_NL)
    (failure,) = reader.read().failed
    assert "--where is for dumps" in failure


def test_a_line_that_is_broken_is_told_and_the_rest_read(server: ShopServer, reader: Reader) -> None:
    lines = [json.dumps(facts_product(1)), '{"code": "87', json.dumps(facts_product(2))]
    reader.add(server.put("/x.jsonl.gz", gzip.compress("\n".join(lines).encode())), format="openfacts")
    assert reader.read().changes["shop"].added == 2
    assert "line 2 is not JSON" in reader.refused()["bad-json"]
