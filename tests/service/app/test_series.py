"""Series: what candidates and decisions say of where and when an object was sold."""

from datetime import UTC, datetime

import pytest

from embedding.image.regions import WHOLE
from embedding.text.reading import Code, LanguageGuess, Reading
from index.generations.families import Availability
from index.records.entries import Entry, EntryFields
from index.search.answer import Candidate, Evidence
from service.app.leads import LeadChange, LeadRecord
from service.app.series import CONFIRMED, clues_of

THIS_YEAR = datetime.now(UTC).year
CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def candidate(rank, likelihood, *, family=0, countries=("NL",), first_seen="", retailers=("Corner shop",)):
    entry = Entry(rank, "catalogue", "shop", EntryFields(f"p{rank}", title=f"Thing {rank}"), ())
    sold = Availability(1, retailers, countries, first_seen, "", family or rank, ("CN",))
    return Candidate(rank, entry, 0.5, likelihood, "", Evidence((), None, WHOLE), sold)


def lead(product_id, state):
    change = LeadChange("2026-01-05T10:00:00+00:00", "ines", state, "", 1, "")
    return LeadRecord(1, "police", "2024-1", "shop", product_id, "", {}, (change,))


def wanted(**fields):
    return Entry(99, "objects", "police", EntryFields("2024-1", **fields), ())


def test_candidates_of_one_family_are_one_clue():
    clues = clues_of(None, [candidate(1, 0.5, family=7), candidate(2, 0.3, family=7)], []).candidates
    assert [(clue.label, clue.weight) for clue in clues] == [("Thing 1", 0.5)]
    assert clues[0].sources == {"family 7", "retailer cornershop"}
    assert clues[0].made_in == ("CN",)


def test_countries_are_codes_whatever_feeds_write():
    clue = clues_of(None, [candidate(1, 0.5, countries=("Netherlands", "nl", "Benelux"))], []).candidates[0]
    assert clue.countries == ("NL", "Benelux")


def test_what_was_ruled_out_is_no_clue():
    clues = clues_of(wanted(), [candidate(1, 0.6), candidate(2, 0.2)], [lead("p1", "ruled_out")]).candidates
    assert [clue.label for clue in clues] == ["Thing 2"]


def test_an_identified_product_leaves_little_to_the_others():
    clues = clues_of(wanted(), [candidate(1, 0.6), candidate(2, 0.2)], [lead("p2", "confirmed")]).candidates
    assert [(clue.label, clue.weight) for clue in clues] == [
        ("Thing 2", CONFIRMED),
        ("Thing 1", pytest.approx(1 - CONFIRMED)),
    ]


def test_a_product_that_came_after_the_object_was_seen_cannot_be_it():
    candidates = [candidate(1, 0.6, first_seen="2019-01-01"), candidate(2, 0.2, first_seen="2012-01-01")]
    assert [clue.label for clue in clues_of(wanted(seen_until="2016-05-01"), candidates, []).candidates] == ["Thing 2"]
    assert [clue.label for clue in clues_of(wanted(published="2015-01-01"), candidates, []).candidates] == ["Thing 2"]
    assert len(clues_of(wanted(), candidates, []).candidates) == 2


def test_barcodes_and_languages_are_weak_clues_each_once():
    ean = Code("EAN-13", "8710000000003", CORNERS)
    reading = Reading((), (ean, ean), LanguageGuess("nl", 0.8))
    clues = clues_of(None, [], [], [reading, reading]).further
    assert [(clue.kind, clue.weight) for clue in clues] == [("barcode", 0.2), ("language", pytest.approx(0.24))]
    assert clues[0].countries == ("NL",)
    assert {"NL", "BE"} <= set(clues[1].countries)
    assert "DE" not in clues[1].countries


def test_candidates_without_a_likelihood_say_nothing():
    assert clues_of(None, [candidate(1, None)], []).candidates == ()


def test_what_came_too_late_is_told_apart():
    candidates = [
        candidate(1, 0.6, first_seen="2019-01-01"), candidate(2, 0.2, first_seen="2012-01-01"),
        candidate(3, 0.1, first_seen="2019-01-01", family=1), candidate(4, 0.1, first_seen="2020-03-01"),
    ]  # fmt: skip
    clues = clues_of(wanted(seen_until="2016-05-01"), candidates, [])
    assert [(clue.label, clue.years) for clue in clues.too_late] == [
        ("Thing 1", (2019, THIS_YEAR)),
        ("Thing 4", (2020, THIS_YEAR)),
    ]
    assert not set(clues.too_late) & set(clues.all)
    assert clues_of(wanted(), candidates, []).too_late == ()
    # What was ruled out by a person is told as that.
    assert len(clues_of(wanted(seen_until="2016-05-01"), candidates, [lead("p4", "ruled_out")]).too_late) == 1
