"""What columns mean: synonyms, dates, links, pictures, and what is refused."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import FeedError
from index.records.feed_records import FeedRow, ObjectRecord, ObjectStatus, ProductRecord, Refusal, RefusedEntry
from index.sources.feeds.columns import require_columns
from index.sources.feeds.dates import parse_date
from index.sources.feeds.mapping import ID_LIMIT, TEXT_LIMIT, Defaults, product, published_object
from index.sources.feeds.references import names_pictures, normal_name, references, resolve, split_references

BASE = Path("/feeds/shop")
SITE = "https://shop.example/x"


def mapped(**fields: str) -> list[ProductRecord | Refusal]:
    cells = {"id": "1", "image": "a.jpg", **fields}
    return product(FeedRow(7, cells, references(cells)), BASE, "shop.csv")


def read(**fields: str) -> ProductRecord | Refusal:
    return mapped(**fields)[0]


def mapped_object(**fields: str) -> list[ObjectRecord | Refusal]:
    cells = {"object_id": "o1", "path": "a.jpg", **fields}
    return published_object(FeedRow(7, cells, references(cells)), BASE, "objects.csv")


@pytest.mark.parametrize(
    ("column", "field"),
    [
        *((column, "title") for column in ("title", "Name", "Product Name")),
        *((column, "brand") for column in ("brand", "Vendor", "g:brand", "manufacturer", "brand.name")),
        *((column, "category") for column in ("category", "product_type", "Google Product Category", "Type")),
        *((column, "retailer") for column in ("retailer", "seller", "store", "SHOP")),
        *((column, "price") for column in ("price", "Variant Price", "price.value")),
    ],
)
def test_synonyms(column: str, field: str) -> None:
    assert getattr(read(**{column: "x y"}), field) == "x y"


@pytest.mark.parametrize("column", ["product_id", "SKU", "item-id", "g:id", "\ufeffid", " Handle "])
def test_identifier_synonyms(column: str) -> None:
    (record,) = product(FeedRow(1, {column: "X", "image": "a.jpg"}, ("a.jpg",)), BASE, "f")
    assert isinstance(record, ProductRecord)
    assert record.product_id == "X"


def test_the_more_telling_synonym_wins_and_a_blank_one_yields() -> None:
    both = read(title="", name="second", product_type="general", category="special")
    assert isinstance(both, ProductRecord)
    assert (both.title, both.category) == ("second", "special")


def test_a_blank_identifier_is_not_replaced_by_another_column() -> None:
    refused = read(product_id="", sku="5")
    assert isinstance(refused, Refusal)
    assert refused.reason == "no-id"
    assert refused.where == "shop.csv:7"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"image": ""}, "no-picture"),
        ({"image": "ftp://h/a.jpg"}, "bad-picture"),
        ({"image": "https://"}, "bad-picture"),
        ({"image": "a\0.jpg"}, "bad-picture"),
        ({"image": "a" * 5000}, "bad-picture"),
        ({"image": "\udcff.jpg"}, "bad-picture"),
        ({"image": "file://host/a.jpg"}, "bad-picture"),
    ],
)
def test_a_row_without_a_picture_is_refused_and_names_its_entry(fields: dict[str, str], reason: str) -> None:
    (refused,) = mapped(**fields)
    assert isinstance(refused, RefusedEntry)
    assert refused.reason == reason
    assert refused.entry_ids == ("1",)
    assert len(refused.message) < 400


@pytest.mark.parametrize(
    ("identity", "reason", "unknown"),
    [
        (" \t", "no-id", False),
        ("x" * (ID_LIMIT + 1), "field-too-long", True),
        ("a\0b", "nul-byte", True),
        ("\udcff1", "bad-encoding", True),
    ],
)
def test_a_row_without_an_identifier_is_refused(identity: str, reason: str, unknown: bool) -> None:
    """Where there is one that cannot be read, the row may be any entry's; where there is none, it is nobody's."""
    (refused,) = mapped(id=identity)
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert isinstance(refused, RefusedEntry) == unknown
    assert not isinstance(refused, RefusedEntry) or refused.entry_ids == ()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"title": "x" * (TEXT_LIMIT + 1)}, "field-too-long"),
        ({"title": " " * (9 * TEXT_LIMIT)}, "field-too-long"),
        ({"title": "a\0b"}, "nul-byte"),
        ({"title": "\udc80"}, "bad-encoding"),
        ({"first_seen": "yesterday"}, "bad-date"),
        ({"first_seen": "01/02/2025"}, "bad-date"),
        ({"last_seen": "2025-02-30"}, "bad-date"),
        ({"first_seen": "2025-02-02", "last_seen": "2025-02-01"}, "bad-date"),
    ],
)
def test_an_optional_field_that_cannot_be_used_is_left_empty_and_reported(fields: dict[str, str], reason: str) -> None:
    record, note = mapped(**fields)
    assert isinstance(record, ProductRecord)
    assert all(getattr(record, name) in ("", None) for name in fields)
    assert isinstance(note, Refusal)
    assert not isinstance(note, RefusedEntry)
    assert (note.where, note.reason) == ("shop.csv:7", reason)
    assert len(note.message) < 400


def test_of_two_cells_the_one_that_can_be_used_is_taken() -> None:
    record, note = mapped(title="\udcff", name="Lamp")
    assert isinstance(record, ProductRecord)
    assert record.title == "Lamp"
    assert isinstance(note, Refusal)


@pytest.mark.parametrize("nothing", ["0000-00-00", "0000-00-00 00:00:00", "-", "N/A", "null", "0", "0001-01-01T00:00"])
def test_what_programs_write_where_there_is_no_date_is_none(nothing: str) -> None:
    (record,) = mapped(first_seen=nothing)
    assert isinstance(record, ProductRecord)
    assert record.first_seen is None


def test_a_picture_that_cannot_be_read_costs_the_row_only_that_picture() -> None:
    row = FeedRow(3, {"id": "1"}, ("data:image/png;base64,AA", "a.jpg"))
    record, note = product(row, BASE, "f")
    assert isinstance(record, ProductRecord)
    assert record.pictures == ("/feeds/shop/a.jpg",)
    assert isinstance(note, Refusal)
    assert note.reason == "bad-picture"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.jpg", "/feeds/shop/a.jpg"),
        ("./sub/../a.jpg", "/feeds/shop/a.jpg"),
        ("..\\pictures\\a.jpg", "/feeds/pictures/a.jpg"),
        ("/else/where.jpg", "/else/where.jpg"),
        ("/shard.tar#x/../a.jpg", "/shard.tar#x/../a.jpg"),
        ("file:///else/a%20b.jpg", "/else/a b.jpg"),
        ("HTTPS://h/a.jpg", "https://h/a.jpg"),
        ("https://h/my photo, front.jpg", "https://h/my%20photo,%20front.jpg"),
        ("https://bücher.example/ä.jpg", "https://xn--bcher-kva.example/%C3%A4.jpg"),
        ("https://h\\a\\b.jpg", "https://h/a/b.jpg"),
        (" https://h/a.jpg ", "https://h/a.jpg"),
        ("https://h/a%20b|c[1].jpg?x=1", "https://h/a%20b|c[1].jpg?x=1"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("1:2.jpg", "/feeds/shop/1:2.jpg"),
    ],
)
def test_references_are_resolved_from_the_feeds_folder(written: str, meant: str) -> None:
    assert resolve(written, BASE) == meant


@given(st.text(max_size=60))
def test_whatever_is_written_resolves_to_a_path_or_url_or_is_refused(written: str) -> None:
    with contextlib.suppress(ValueError):
        meant = resolve(written, BASE)
        assert meant.startswith("/") or meant.casefold().startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("a.jpg, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg|b.jpg;c.jpg\nd.jpg", ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]),
        ("https://h/w_5,h_5/a.jpg,https://h/b.jpg", ["https://h/w_5,h_5/a.jpg", "https://h/b.jpg"]),
        (" , ", []),
    ],
)
def test_cells_with_several_pictures(cell: str, parts: list[str]) -> None:
    assert split_references(cell) == parts


def test_pictures_of_a_row_in_order_and_once() -> None:
    cells = {
        "additional_image_link": "b.jpg,a.jpg",
        "image_link": "a.jpg",
        "Image 2": "c, d.jpg",
        "thumbnail": "t.jpg",
        "images": "e.jpg",
    }
    assert references(cells) == ("a.jpg", "b.jpg", "c, d.jpg", "e.jpg")
    assert references({"path": "local.jpg", "image_link": "https://h/a.jpg"}) == ("local.jpg",)
    assert references({"path": " ", "image_link": "a.jpg|b.jpg"}) == ("a.jpg", "b.jpg")


def test_columns_that_name_pictures() -> None:
    assert all(names_pictures(name) for name in ("path", "Image Src", "g:image_link", "image_3", "crops", "photo2"))
    assert not any(names_pictures(name) for name in ("url", "link", "image_alt_text", "thumbnail", "", "2"))


@given(st.text(max_size=150))
def test_blanks_around_a_columns_name_do_not_matter(name: str) -> None:
    assert normal_name(f" {name}\t") == normal_name(name)
    assert names_pictures(f"{name} ") == names_pictures(name)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-12-31", date(2025, 12, 31)),
        ("20251231", date(2025, 12, 31)),
        ("31.12.2025", date(2025, 12, 31)),
        ("12/31/2024", date(2024, 12, 31)),
        ("31/12/2024", date(2024, 12, 31)),
        ("2024/05/01", date(2024, 5, 1)),
        ("5 May 2024", date(2024, 5, 5)),
        ("May 5th, 2024", date(2024, 5, 5)),
        ("1er juillet 2024", date(2024, 7, 1)),
        ("3. März 2024", date(2024, 3, 3)),
        ("5 de mayo de 2024", date(2024, 5, 5)),
        ("Tue, 05 Mar 2024 10:00:00 GMT", date(2024, 3, 5)),
        ("1609459200", date(2021, 1, 1)),
        ("1609459200000", date(2021, 1, 1)),
        ("2025-12-31T23:30:00-0800", date(2025, 12, 31)),
        ("2025-12-31T23:30Z", date(2025, 12, 31)),
        ("2025-12-31 10:00:00 UTC", date(2025, 12, 31)),
        ("2025-12-30T08:00-0800/2025-12-31T08:00-0800", date(2025, 12, 30)),
        ("  ", None),
    ],
)
def test_dates(text: str, day: date | None) -> None:
    assert parse_date(text) == day


@given(st.dates())
def test_dates_round_trip(day: date) -> None:
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.day}.{day.month}.{day.year:04}") == day


@given(st.text(max_size=40))
def test_a_date_is_read_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_date(text) is None or any(letter.isdigit() for letter in text)


def test_prices_links_countries() -> None:
    record = read(price="12.50", currency="EUR", link="www.shop.example/p", country="fr")
    assert isinstance(record, ProductRecord)
    assert (record.price, record.link, record.country) == ("12.50 EUR", "https://www.shop.example/p", "FR")
    plain = read(price="12.50 EUR", currency="EUR", country="France")
    assert isinstance(plain, ProductRecord)
    assert (plain.price, plain.country) == ("12.50 EUR", "France")


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "/p/1",
        "https://a b/",
        "ftp://h/",
        "http://[",
        "http://[x]/",
        "https://a\u2100b/",
    ],
)
def test_what_is_no_web_address_never_becomes_a_link(link: str) -> None:
    record = read(link=link)
    assert isinstance(record, ProductRecord)
    assert record.link == ""


def test_relative_links_are_completed_where_the_shop_is_known() -> None:
    def linked(link: str) -> str:
        (record,) = product(FeedRow(1, {"id": "1", "link": link}, ("a.jpg",)), BASE, "f", Defaults(site=SITE))
        assert isinstance(record, ProductRecord)
        return record.link

    assert linked("/p/1") == "https://shop.example/p/1"
    assert linked("/p/große Lampe") == "https://shop.example/p/gro%C3%9Fe%20Lampe"
    assert linked("javascript:1") == ""


def test_control_characters_never_reach_a_terminal() -> None:
    record = read(title="\x1b[31mred\x1b[0m\tlamp\u2028\x85 x", id="a\x07b")
    assert isinstance(record, ProductRecord)
    assert record.title == "[31mred [0m lamp x"
    assert record.product_id == "a b"


@given(st.dictionaries(st.sampled_from(["title", "brand", "link", "price", "country"]), st.text(max_size=50)))
def test_any_text_makes_a_printable_record_or_a_refusal(fields: dict[str, str]) -> None:
    record = read(**fields)
    if isinstance(record, ProductRecord):
        for text in (record.title, record.brand, record.link, record.price, record.country):
            assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text)
            text.encode("utf-8")


def test_objects() -> None:
    (record,) = mapped_object(
        title="Bag", authority="Europol", kind="bag", country="nl", published="2024-05-06", status="Identified",
        tip_page="https://www.europol.europa.eu/stopchildabuse", crops="b.jpg, c.jpg",
    )  # fmt: skip
    assert record == ObjectRecord(
        number=7,
        object_id="o1",
        pictures=tuple(f"/feeds/shop/{name}.jpg" for name in "abc"),
        authority="Europol",
        title="Bag",
        kind="bag",
        country="NL",
        published=date(2024, 5, 6),
        status=ObjectStatus.IDENTIFIED,
        tip_page="https://www.europol.europa.eu/stopchildabuse",
    )
    (plain,) = mapped_object()
    assert isinstance(plain, ObjectRecord)
    assert plain.status is ObjectStatus.OPEN


@pytest.mark.parametrize(
    ("field", "value", "reason", "left"),
    [
        ("status", "maybe", "bad-status", None),
        ("tip_page", "javascript:x", "bad-link", ""),
        ("published", "x", "bad-date", None),
        ("title", "\0", "nul-byte", ""),
        ("kind", "\udcff", "bad-encoding", ""),
    ],
)
def test_an_odd_field_of_an_object_is_left_empty_and_reported(
    field: str, value: str, reason: str, left: object
) -> None:
    record, note = mapped_object(**{field: value})
    assert isinstance(record, ObjectRecord)
    assert getattr(record, field) == left
    assert isinstance(note, Refusal)
    assert note.reason == reason


def test_a_tip_page_that_is_none_is_nothing_to_report() -> None:
    assert len(mapped_object(tip_page="n/a")) == 1


def test_missing_columns_are_named_with_what_was_found() -> None:
    require_columns(["SKU", "Image Src"], "catalogue", "f")
    require_columns(["reference", "crops"], "objects", "f")
    with pytest.raises(FeedError, match=r"identifier \(product_id.*picture \(path.*found: colour, size") as caught:
        require_columns(["colour", "size"], "catalogue", "f.csv")
    assert str(caught.value).startswith("f.csv: ")
    with pytest.raises(FeedError, match=r"no column for a picture"):
        require_columns(["id"], "objects", "f")
