from datetime import date

import pytest
import sqlalchemy as sa

from index.errors import WorkspaceError
from index.records.catalogue import Catalogue, Changes, ImageReference
from index.records.entries import EntryFields
from index.records.feed_records import Refusal
from index.records.schema import entries

pytestmark = pytest.mark.databases("sqlite", "postgres")

MONDAY, TUESDAY, WEDNESDAY = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)


@pytest.fixture
def catalogue(database_url):
    with Catalogue.open(database_url) as opened:
        yield opened


def read(catalogue, rows, day, name="shop"):
    """One complete reading of rows (id, title, pictures)."""
    source = catalogue.begin_reading(catalogue.add_source(name, "catalogue", "/feed.csv", "csv"))
    fields = [(EntryFields(entry, title=title), pictures) for entry, title, pictures in rows]
    changes = catalogue.record(source, fields, day) + catalogue.finish_reading(source, day)
    references = {reference for _, _, pictures in rows for reference in pictures}
    catalogue.set_references([ImageReference(reference, sha256=reference * 64) for reference in references], {})
    return changes


def listed(catalogue):
    return {entry.fields.entry_id: entry for entry in catalogue.entries("catalogue")}


def test_rows_added_changed_gone_and_back(catalogue):
    assert read(catalogue, [("p1", "Mug", "a"), ("p2", "Lamp", "b")], MONDAY) == Changes(added=2, pictures=2)
    assert read(catalogue, [("p1", "Mug", "a"), ("p2", "Lamp", "b")], TUESDAY) == Changes(unchanged=2)
    assert read(catalogue, [("p1", "Big mug", "a")], WEDNESDAY) == Changes(changed=1, gone=1)
    gone = listed(catalogue)["p2"].fields
    assert (gone.status, gone.last_seen, gone.first_seen) == ("discontinued", "2026-01-06", "2026-01-05")
    assert listed(catalogue)["p1"].fields.title == "Big mug"
    assert read(catalogue, [("p1", "Big mug", "a"), ("p2", "Lamp", "b")], date(2026, 1, 8)) == Changes(
        changed=1, unchanged=1
    )
    back = listed(catalogue)["p2"].fields
    assert (back.status, back.last_seen, back.first_seen) == ("current", "", "2026-01-05")


def test_several_rows_of_one_product_are_combined_in_order(catalogue):
    read(catalogue, [("p1", "Mug", "ab"), ("p2", "Lamp", "d"), ("p1", "ignored", "ca")], MONDAY)
    assert listed(catalogue)["p1"].images == ("a" * 64, "b" * 64, "c" * 64)
    assert listed(catalogue)["p1"].fields.title == "Mug"
    assert read(catalogue, [("p1", "Mug", "ab"), ("p2", "Lamp", "d"), ("p1", "ignored", "ca")], TUESDAY) == Changes(
        unchanged=2
    )


def test_a_picture_that_is_no_longer_in_the_feed_is_removed(catalogue):
    read(catalogue, [("p1", "Mug", "ab")], MONDAY)
    assert read(catalogue, [("p1", "Mug", "b")], TUESDAY) == Changes(unchanged=1, pictures=1)
    assert listed(catalogue)["p1"].images == ("b" * 64,)


def test_an_interrupted_reading_discontinues_nothing(catalogue):
    read(catalogue, [("p1", "Mug", "a"), ("p2", "Lamp", "b")], MONDAY)
    source = catalogue.begin_reading(catalogue.sources()[0])
    catalogue.record(source, [(EntryFields("p1", title="Mug"), "a")], TUESDAY)
    assert listed(catalogue)["p2"].fields.status == "current"
    assert read(catalogue, [("p2", "Lamp", "b")], WEDNESDAY) == Changes(unchanged=1, gone=1)
    assert listed(catalogue)["p1"].fields.status == "discontinued"


def test_sources_do_not_affect_each_other(catalogue):
    read(catalogue, [("p1", "Mug", "a")], MONDAY)
    read(catalogue, [("p1", "Other mug", "b")], MONDAY, name="other shop")
    read(catalogue, [], TUESDAY, name="other shop")
    statuses = [(entry.source, entry.fields.status) for entry in catalogue.entries("catalogue")]
    assert statuses == [("shop", "current"), ("other shop", "discontinued")]
    assert catalogue.counts() == {"catalogue": 2, "objects": 0}


def test_an_entry_without_a_readable_picture_is_not_offered(catalogue):
    read(catalogue, [("p1", "Mug", "a"), ("p2", "Lamp", "b")], MONDAY)
    catalogue.set_references([ImageReference("b", refused="broken", message="not a picture")], {})
    assert list(listed(catalogue)) == ["p1"]


def test_what_is_known_of_a_picture_reference_is_stored(catalogue):
    read(catalogue, [("p1", "Mug", "a"), ("p2", "Same picture", "a")], MONDAY)
    known = ImageReference("a", "f" * 64, 10, 20, "etag", "yesterday")
    catalogue.set_references([known], {"f" * 64: (30, 40)})
    assert list(catalogue.picture_references(catalogue.sources()[0])) == [known]


def test_refusals_are_replaced_not_accumulated(catalogue):
    source = catalogue.add_source("shop", "catalogue", "/feed.csv", "csv")
    catalogue.set_refusals(source, "rows", [Refusal("line 2", "no_id", "no id")])
    catalogue.set_refusals(source, "pictures", [Refusal("a.jpg", "broken", "no picture")])
    catalogue.set_refusals(source, "rows", [Refusal("line 3", "no_id", "no id")])
    assert [item.where for item in catalogue.refusals()] == ["a.jpg", "line 3"]


def test_forgetting_a_source_deletes_its_entries(catalogue):
    read(catalogue, [("p1", "Mug", "a")], MONDAY)
    catalogue.forget_source(catalogue.sources()[0])
    assert listed(catalogue) == {}
    assert catalogue.sources() == []


@pytest.mark.parametrize(
    "url", ["nonsense", "nosuchdatabase://host/name", "sqlite+nosuchdriver:///x", "mysql://host/name"]
)
def test_an_unusable_database_setting_is_reported_in_one_error(url):
    with pytest.raises(WorkspaceError, match="the setting `database` names no database"):
        Catalogue.open(url)


def test_a_file_that_is_no_database_is_reported_in_one_error(tmp_path):
    (tmp_path / "catalogue.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(WorkspaceError, match="cannot be used"):
        Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite'}")


def test_the_day_on_which_an_object_was_settled(catalogue):
    days = [date(2026, 1, day) for day in (1, 2, 3, 4, 5)]

    def read(day: date, **statuses: str) -> dict[str, tuple[str, str]]:
        source = catalogue.begin_reading(catalogue.add_source("police", "objects", "/list.csv", "csv"))
        rows = [(EntryFields(name, status=status), [f"{name}.jpg"]) for name, status in statuses.items()]
        catalogue.record(source, rows, day)
        catalogue.finish_reading(source, day)
        with catalogue.database.connect() as connection:
            found = connection.execute(sa.select(entries.c.entry_id, entries.c.status, entries.c.last_seen)).all()
        return {row.entry_id: (row.status, row.last_seen) for row in found}

    assert read(days[0], a="open", b="open", c="open", d="identified")["d"] == ("identified", "")
    found = read(days[1], a="open", b="identified", d="identified")
    assert found["a"] == ("open", "")
    assert found["b"] == ("identified", "2026-01-02")
    # No longer in the feed: found to be closed on that day.
    assert found["c"] == ("closed", "2026-01-02")
    found = read(days[2], a="", b="closed", c="closed", d="closed")
    assert found["a"] == ("open", "")
    # Once settled, the day stays.
    assert (found["b"], found["c"]) == (("closed", "2026-01-02"), ("closed", "2026-01-02"))
    # Before it came here: on no day that is known.
    assert found["d"] == ("closed", "")
    found = read(days[3], a="open", b="open")
    assert found["b"] == ("open", "")
    assert read(days[4], a="open")["b"] == ("closed", "2026-01-05")
