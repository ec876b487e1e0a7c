"""Conditions, which a server tests, allow exactly the entries that the same filters allow in SQL."""

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedding.image.regions import WHOLE
from index.engines.row_fields import NOT_ALL
from index.errors import FilterInvalid
from index.generations.conditions import all_fields, condition, forget_token, row_fields
from index.generations.snapshot import IndexedView, Snapshot, write_snapshot
from index.records.entries import Entry, EntryFields
from index.records.filters import FACETS, Filter

NAMES = ["Luma", "LUMA", "Straße", "STRASSE", "Nova", "é", "e\u0301", "a/b", "", "Luma | Nova"]
CATEGORIES = [
    "Bags",
    "bags/Backpacks",
    "Bags > Backpacks",
    "Bags/Backpacks > Small",
    "Bagsy",
    "Bags  > x",
    "/",
    "Bags/",
]
GTINS = ["", "4006381333931", "04006381333931", "96385074 | 4006381333931"]
DAYS = ["", "2019-05-31", "2019-06-01", "2019-06-02", "2024-02-29"]


def values(key):
    return {"category": CATEGORIES, "gtin": GTINS}.get(key, NAMES)


FIELDS = st.fixed_dictionaries(
    {key: st.sampled_from(values(key)) for key in FACETS if key != "source"}
    | {day: st.sampled_from(DAYS) for day in ("first_seen", "last_seen")}
).map(lambda fields: EntryFields("id", **fields))
ENTRIES = st.lists(st.tuples(FIELDS, st.sampled_from(["shop", "Shop", "other"])), min_size=1, max_size=8)


def filter_of(key, value):
    try:
        return Filter(key, value)
    except FilterInvalid:
        return None


FILTERS = st.lists(
    st.one_of(
        [st.builds(filter_of, st.just(key), st.sampled_from([*values(key), "shop"]).filter(bool)) for key in FACETS]
        + [
            st.builds(
                filter_of, st.sampled_from(["seen_before", "seen_after"]), st.sampled_from([*DAYS[1:], "20190601"])
            )
        ]
    ).filter(bool),
    max_size=4,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(described=ENTRIES, filters=FILTERS, hidden=st.sets(st.integers(0, 7)))
def test_a_condition_allows_what_the_same_filters_allow_in_sql(tmp_path_factory, described, filters, hidden):
    entries = [
        Entry(number, "catalogue", source, fields, (f"{number:064x}",))
        for number, (fields, source) in enumerate(described)
    ]
    views = [("catalogue", IndexedView(each.id, each.id, each.images[0], WHOLE)) for each in entries]
    path = tmp_path_factory.mktemp("records") / "records.sqlite"
    write_snapshot(path, entries, views, {})
    without = [f"{number:064x}" for number in sorted(hidden)]
    with closing(Snapshot(path)) as snapshot:
        rows = snapshot.allowed("catalogue", filters, without)
    tested = condition(filters, without)
    assert (rows is None) == (tested is None)
    if tested is not None:
        assert rows.tolist() == [each.id for each in entries if tested.allows(row_fields(each), each.images[0])]


@pytest.mark.parametrize("changed", [{"brand": "Nova"}, {"last_seen": "2020-01-01"}, {"category": "x"}])
def test_whatever_an_entry_is_filtered_by_is_kept_of_it(changed):
    one = Entry(1, "catalogue", "shop", EntryFields("a", brand="Luma"), ())
    assert row_fields(one) != row_fields(Entry(1, "catalogue", "shop", EntryFields("a", **changed), ()))
    assert row_fields(one) == row_fields(Entry(1, "catalogue", "shop", EntryFields("a", brand="LUMA", title="x"), ()))


def test_an_entry_and_its_source_are_forgotten_exactly():
    kept = set(row_fields(Entry(1, "catalogue", "shop", EntryFields("a"), ())).tokens)
    assert {forget_token("shop"), forget_token("shop", "a")} <= kept
    assert not {forget_token("Shop"), forget_token("shop", "A"), forget_token("sho", "pa")} & kept


def test_an_entry_of_more_values_than_are_kept_is_marked():
    entry = Entry(1, "catalogue", "shop", EntryFields("a", category="/" * 5000), ())
    fields = row_fields(entry)
    assert len(fields.tokens) == 4096
    assert {forget_token("shop", "a"), forget_token("shop"), NOT_ALL} <= set(fields.tokens)
    assert len(all_fields(entry).tokens) > 5000
    assert NOT_ALL not in all_fields(entry).tokens
