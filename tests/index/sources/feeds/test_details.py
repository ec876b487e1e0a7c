"""Optional fields, read leniently: what cannot be used is left empty and reported, and no row is refused for it."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.records.entries import split_values
from index.records.feed_records import FeedRow, ObjectRecord, ProductRecord, Refusal
from index.sources.feeds import read_objects, read_products
from index.sources.feeds.details import COLUMNS, DESCRIPTION_LIMIT, WORD_LIMIT, plain_text
from index.sources.feeds.mapping import product, published_object

BASE = Path("/feeds/shop")


def product_and_reasons(**fields):
    record, *notes = product(FeedRow(7, {"id": "1", **fields}, ("a.jpg",)), BASE, "feed")
    assert isinstance(record, ProductRecord), record
    return record, reasons(notes)


def product_of(**fields):
    return product_and_reasons(**fields)[0]


def object_and_reasons(**fields):
    record, *notes = published_object(FeedRow(7, {"object_id": "1", **fields}, ("a.jpg",)), BASE, "feed")
    assert isinstance(record, ObjectRecord), record
    return record, reasons(notes)


def object_of(**fields):
    return object_and_reasons(**fields)[0]


def reasons(notes):
    assert all(isinstance(note, Refusal) for note in notes)
    return [note.reason for note in notes]


@pytest.mark.parametrize(
    ("fields", "brand"),
    [
        ({"brand": "Luma"}, "Luma"),
        ({"brand": "Luma | Nova|luma "}, "Luma | Nova | luma"),
        ({"brand": "Tom's; Cups, Ltd"}, "Tom's; Cups, Ltd"),
        ({"brands": "Luma, Nova; Luma"}, "Luma | Nova"),
        ({"brands": "Smith, Jones & Co | Nova"}, "Smith, Jones & Co | Nova"),
        ({"brand": "", "vendor": "Nova"}, "Nova"),
    ],
)
def test_brands(fields, brand):
    assert product_of(**fields).brand == brand


@pytest.mark.parametrize(
    ("fields", "country"),
    [
        ({"country": "nl"}, "NL"),
        ({"country": "nl, be"}, "NL | BE"),
        ({"country": "NL/BE;lu"}, "NL | BE | LU"),
        ({"country": "Korea, Republic of"}, "Korea, Republic of"),
        ({"countries": "Nederland, be"}, "Nederland | BE"),
        ({"sold_in": "NL | Korea, Republic of"}, "NL | Korea, Republic of"),
    ],
)
def test_countries(fields, country):
    assert product_of(**fields).country == country
    made_in = {"made_in" if name != "countries" else "countries_of_origin": text for name, text in fields.items()}
    assert product_of(**made_in).made_in == country


@pytest.mark.parametrize("column", ["gtin", "EAN", "ean13", "GTIN, UPC, EAN, or ISBN", "Variant Barcode", "g:gtin"])
def test_gtins_under_the_names_of_real_exports(column):
    record, left_out = product_and_reasons(**{column: "4006381333931; 0036000291452"})
    assert split_values(record.gtin) == ("4006381333931", "0036000291452")
    assert left_out == []


def test_a_gtin_that_is_none_is_left_out_and_reported(tmp_path):
    feed = tmp_path / "feed.csv"
    feed.write_text("id,image,ean\n1,a.jpg,4006381333932\n2,b.jpg,4006381333931|12\n3,c.jpg,\n")
    records = list(read_products(feed))
    assert [record.gtin for record in records if isinstance(record, ProductRecord)] == ["", "4006381333931", ""]
    refused = [record for record in records if not isinstance(record, ProductRecord)]
    assert [(one.where, one.reason) for one in refused] == [(f"{feed}:2", "bad-gtin"), (f"{feed}:3", "bad-gtin")]
    assert refused[0].message == "ean '4006381333932' is no GTIN or EAN: its check digit should be 1: it was left empty"


def test_words_and_addresses_that_cannot_be_used():
    record, left_out = product_and_reasons(
        item_group_id="x" * (WORD_LIMIT + 1), license="CC BY 4.0", source_url="javascript:alert(1)", country="x" * 5000
    )
    assert (record.variant_group, record.licence, record.source_page, record.country) == ("", "CC BY 4.0", "", "")
    assert left_out == ["field-too-long", "field-too-long", "bad-link"]
    assert product_of(source_page="https://shop.example/1").source_page == "https://shop.example/1"


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("A  mug\n of clay", "A mug of clay"),
        ("<p>A <b>mug</b> &amp; lid</p><script>evil()</script><style>p{}</style><!-- no -->", "A mug & lid"),
        ("<ul><li>Hand-<em>made</em>.</li><li>Red<br>Blue</li></ul>", "Hand-made. Red Blue"),
        ("3 < 5 and 7 > 6", "3 < 5 and 7 > 6"),
        ("size <5 cm", "size <5 cm"),
        ("<script>never closed", ""),
        ("a\0b\udc80", "a b\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_description_is_plain_text(raw, plain):
    assert plain_text(raw) == plain
    assert product_of(description=raw).description == plain


@given(st.text(max_size=3000))
def test_a_description_is_bounded_and_can_be_stored(raw):
    record, left_out = product_and_reasons(body_html=raw)
    assert len(record.description) <= DESCRIPTION_LIMIT
    record.description.encode()
    assert "\n" not in record.description
    assert left_out == []


def test_a_long_description_is_cut_between_words():
    text = product_of(description="word " * 400).description
    assert text.endswith("word…")
    assert len(text) <= DESCRIPTION_LIMIT
    assert len(product_of(description="x" * 2_000_000).description) == DESCRIPTION_LIMIT


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"seen_from": "2014-03-01", "seen_until": "2016-05-31"}, date(2014, 3, 1), date(2016, 5, 31)),
        ({"seen_from": "2014", "seen_until": "2016"}, date(2014, 1, 1), date(2016, 12, 31)),
        ({"seen_from": "2014-02", "seen_until": "2016-02"}, date(2014, 2, 1), date(2016, 2, 29)),
        ({"not before": "31.12.2014"}, date(2014, 12, 31), None),
        ({"Seen not after": "2016"}, None, date(2016, 12, 31)),
        ({}, None, None),
    ],
)
def test_a_time_window(fields, first, last):
    record, left_out = object_and_reasons(**fields)
    assert (record.seen_from, record.seen_until, left_out) == (first, last, [])


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"seen_from": "soon", "seen_until": "2016"}, None, date(2016, 12, 31)),
        ({"seen_from": "2014-13"}, None, None),
        ({"seen_until": "0000"}, None, None),
        ({"seen_from": "9999-12", "seen_until": "9999-12"}, date(9999, 12, 1), None),
        ({"seen_from": "2017", "seen_until": "2016"}, None, None),
    ],
)
def test_an_end_of_the_window_that_is_no_day_is_open_and_reported(fields, first, last):
    record, left_out = object_and_reasons(**fields)
    assert (record.seen_from, record.seen_until) == (first, last)
    assert left_out == ["bad-date"]


def test_an_object_of_a_list(tmp_path):
    feed = tmp_path / "objects.json"
    feed.write_text(
        '[{"object_id": "1", "image": "a.jpg", "question": "Where was <b>this</b> sold?", "description": "Blue.",'
        ' "countries": ["ee", "LV"], "region": "Baltic states", "series": "case 12", "seen_from": "2014"}]'
    )
    [record] = read_objects(feed)
    assert record.question == "Where was this sold?"
    assert (record.country, record.region, record.series) == ("EE | LV", "Baltic states", "case 12")
    assert (record.description, record.seen_from) == ("Blue.", date(2014, 1, 1))


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)), st.text(max_size=40), max_size=6))
def test_nothing_that_stands_there_costs_the_entry(fields):
    for record in (product_of(**fields), object_of(**fields)):
        for value in vars(record).values():
            str(value).encode()
