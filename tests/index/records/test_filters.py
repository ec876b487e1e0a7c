"""Filters on a generation's records: fields of several values, GTINs in any form, the fields of objects."""

from contextlib import closing

import pytest

from embedding.image.regions import WHOLE
from index.errors import FilterInvalid
from index.generations.snapshot import IndexedView, Snapshot, write_snapshot
from index.records.entries import Entry, EntryFields
from index.records.filters import FACETS, KEYS, Filter

PRODUCTS = {
    "both": EntryFields("both", brand="Luma | Nova", country="NL | be", gtin="4006381333931 | 9783161484100"),
    "luma": EntryFields("luma", brand="Luma", country="BE", made_in="PT", gtin="73513537", licence="ODbL 1.0"),
    "none": EntryFields("none", title="Luma", variant_group="G-1"),
}
OBJECTS = {
    "one": EntryFields("one", status="open", series="case 12", region="Baltic states", country="EE | LV"),
    "two": EntryFields("two", status="open", series="case 13", country="LV"),
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "records.sqlite"
    entries = [
        Entry(number, collection, "shop", fields, ("a" * 64,))
        for number, (collection, fields) in enumerate(
            [("catalogue", fields) for fields in PRODUCTS.values()]
            + [("objects", fields) for fields in OBJECTS.values()]
        )
    ]
    rows = [(entry.collection, IndexedView(entry.id, entry.id, "a" * 64, WHOLE)) for entry in entries]
    write_snapshot(path, entries, rows, {})
    with closing(Snapshot(path)) as opened:
        yield opened


def passing(snapshot, *filters, collection="catalogue"):
    rows = snapshot.allowed(collection, [Filter.parse(text) for text in filters])
    return [snapshot.entry(int(row)).fields.entry_id for row in rows]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["brand=luma"], ["both", "luma"]),
        (["brand=Nova"], ["both"]),
        (["brand=Luma", "country=NL"], ["both"]),
        (["country=be"], ["both", "luma"]),
        (["country=NL | BE"], ["both", "luma"]),
        (["brand=Luma | Nova", "made_in=pt"], ["luma"]),
        (["brand=|"], []),
        (["made_in=PT"], ["luma"]),
        (["gtin=4006381333931"], ["both"]),
        (["gtin=04006381333931"], ["both"]),
        (["gtin=978-3-16-148410-0"], ["both"]),
        (["gtin=00000073513537"], ["luma"]),
        (["gtin=73513537", "gtin=4006381333931"], ["both", "luma"]),
        (["gtin=6291041500213"], []),
        (["variant_group=g-1"], ["none"]),
        (["licence=odbl 1.0"], ["luma"]),
    ],
)
def test_products(snapshot, filters, wanted):
    assert passing(snapshot, *filters) == wanted


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["series=case 12"], ["one"]),
        (["series=case 12", "series=case 13"], ["one", "two"]),
        (["region=baltic STATES"], ["one"]),
        (["country=LV"], ["one", "two"]),
        (["country=EE", "series=case 13"], []),
    ],
)
def test_objects(snapshot, filters, wanted):
    assert passing(snapshot, *filters, collection="objects") == wanted


def test_every_facet_is_a_field_or_the_source():
    assert {facet for facet in FACETS if facet != "source"} <= set(EntryFields.__dataclass_fields__)
    assert set(FACETS) < set(KEYS)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("gtin=4006381333932", "gtin=4006381333932: is no GTIN or EAN: its check digit should be 1"),
        ("gtin=4006381333931 | 12", "gtin=12: is no GTIN or EAN"),
        ("colour=red", "no filter is called 'colour'; there are brand,"),
    ],
)
def test_what_cannot_be_filtered_by_says_why(text, why):
    with pytest.raises(FilterInvalid, match=why):
        Filter.parse(text)
