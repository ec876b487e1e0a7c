"""The record of a re-index: written and read again, summed up in a line, and without forgotten entries."""

import string
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.generations.manifest import SelfTest
from index.jobs.alerts import Alert
from index.jobs.forget import ForgetTarget, Traces
from index.jobs.reindex import Report
from index.records.catalogue import Changes
from index.records.feed_records import Refusal
from service.reports.run_record import MAX_QUOTED, RunRecord

WHEN = "2026-01-05T03:00:00+00:00"
# Drawing many parts is slow on a busy machine, so that health check is off.
BRIEFLY = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
# All of Unicode, and the surrogates by which Python represents file names that are not UTF-8.
TEXT = st.text(st.one_of(st.characters(), st.characters(categories=(), include_characters="\udc80\udcff")), max_size=6)
COUNT = st.integers(0, 10**9)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
ALERTS = st.builds(
    Alert,
    **dict.fromkeys(("object_source", "object_id", "source", "product_id", "object_title", "title", "link"), TEXT),
    likelihood=NUMBER,
)
ACCOUNTS = st.builds(
    RunRecord,
    seconds=NUMBER,
    error=TEXT,
    generation=st.none() | st.integers(1, 10**6),
    changes=st.none() | st.dictionaries(TEXT, st.dictionaries(TEXT, COUNT, max_size=2), max_size=2),
    refusals=st.none() | st.dictionaries(TEXT, COUNT, max_size=2),
    refused=st.lists(st.builds(Refusal, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    failed=st.lists(TEXT, max_size=2).map(tuple),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    steps=st.none() | st.dictionaries(TEXT, NUMBER, max_size=2),
    self_test=st.none() | st.dictionaries(TEXT, NUMBER, max_size=2),
    alerts=st.lists(ALERTS, max_size=2).map(tuple),
)


def alert(object_id="E-1", product_id="p1", source="shop", object_source="Europol", **more):
    fields = {
        "object_title": "a cup",
        "title": "Cup",
        "brand": "",
        "retailer": "",
        "link": "",
        "crop": "c",
        "image": "i",
    }
    return Alert(
        object_source, object_id, source, product_id, likelihood=0.9, generation=2, found=WHEN, **fields | more
    )


def report(**fields):
    nothing = {"generation": 2, "published": True, "model": "colour-64", "changes": {}, "new_images": 0, "embedded": 0}
    return Report(**nothing | {"refused": (), "failed": (), "warnings": (), "seconds": {}} | fields)


def record(**fields):
    return RunRecord.of(
        report(**{k: v for k, v in fields.items() if k != "alerts"}), fields.get("alerts", ()), WHEN, WHEN, 1
    )


@BRIEFLY
@given(ACCOUNTS)
def test_a_record_is_read_as_it_was_written(written):
    assert RunRecord.from_json(written.to_json()) == written


@BRIEFLY
@given(ACCOUNTS)
def test_the_summary_is_one_line(written):
    assert "\n" not in written.summary()
    assert "\r" not in written.summary()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"started": 1}', b"\xff", b"null", b'{"refused": [{}]}'])
def test_invalid_data_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        RunRecord.from_json(data)


def test_a_record_has_the_figures_of_its_report():
    made = record(
        changes={"shop": Changes(added=3, gone=1), "other": Changes(added=1, expired=2)},
        seconds={"embedding": 1.23456},
        self_test=SelfTest(30, 0.9, 0.95, 1.0, 0.05, 0.97),
    )
    assert made.totals() == {"added": 4, "changed": 0, "gone": 1, "unchanged": 0, "expired": 2}
    assert made.steps == {"embedding": 1.235}
    assert made.self_test["recall_at_1"] == 0.9
    assert RunRecord.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("changed", "outcome", "summary"),
    [
        ({}, "published", "generation 2 published"),
        ({"published": False}, "unchanged", "nothing changed; generation 2 stays live"),
        ({"published": False, "withheld": "too bad"}, "withheld", "not published: too bad"),
    ],
)
def test_what_came_of_it(changed, outcome, summary):
    made = record(**changed)
    assert (made.outcome, made.summary()) == (outcome, summary)
    assert replace(made, alerts=(alert(),)).summary() == f"1 alert, {summary}"


def test_a_feed_of_dead_links_is_counted_whole_and_quoted_in_part():
    dead = [
        Refusal(f"https://shop.example/{n}", "not-found", "the server answered 404") for n in range(MAX_QUOTED + 900)
    ]
    made = record(refused=(Refusal("feed.csv:2", "bad-json", "no"), *dead))
    assert made.refusals == {"not-found": MAX_QUOTED + 900, "bad-json": 1}
    assert list(made.refusals) == ["not-found", "bad-json"]
    assert (len(made.quoted("not-found")), len(made.quoted("bad-json"))) == (MAX_QUOTED, 1)
    assert made.refused_inputs() == MAX_QUOTED + 901


@pytest.mark.parametrize(
    ("fields", "worth"),
    [
        ({}, False),
        ({"refused": (Refusal("feed.csv:2", "bad-json", "no"),)}, False),
        ({"alerts": (alert(),)}, True),
        ({"failed": ("shop: it is missing",)}, True),
        ({"warnings": ("a copy was lost",)}, True),
        ({"published": False, "withheld": "too bad"}, True),
    ],
)
def test_only_a_run_with_news_is_worth_a_message(fields, worth):
    assert record(**fields).worth_a_message() is worth
    assert RunRecord(WHEN, WHEN, 1.0, "failed", error="the disk is full").worth_a_message()


class TestForgotten:
    """What names a forgotten product, object or source is removed from a record; all else stays."""

    whole = record(
        changes={"shop": Changes(added=1), "Europol": Changes(added=1)},
        refused=(
            Refusal("/feeds/shop.csv:7", "bad-picture", "product SKU-1 has a picture that is none"),
            Refusal("/pictures/1.jpg", "face", "it seems to show a face"),
            Refusal("/pictures/9.jpg", "empty", "it is empty"),
            Refusal("/feeds/shop.csv:8", "bad-picture", "product SKU-12 has a picture that is none"),
        ),
        failed=("shop: /feeds/shop.csv is missing",),
        warnings=("object E-1 of Europol could not be watched", "the disk is slow"),
        seconds={"reading shop": 1.0, "pictures of Europol": 2.0, "embedding": 3.0},
        alerts=(alert("E-1", "SKU-1"), alert("E-2", "SKU-2"), alert("E-1", "SKU-1", source="elsewhere")),
    )

    def without(self, *names, references=(), images=()):
        return self.whole.without(Traces(names, frozenset(references), frozenset(images)))

    def test_a_product(self):
        left = self.without(ForgetTarget("catalogue", "shop", "SKU-1"), references=["/pictures/1.jpg"])
        assert [refusal.where for refusal in left.refused] == ["/pictures/9.jpg", "/feeds/shop.csv:8"]
        assert [(one.product_id, one.source) for one in left.alerts] == [("SKU-2", "shop"), ("SKU-1", "elsewhere")]
        assert (left.changes, left.steps, left.failed) == (self.whole.changes, self.whole.steps, self.whole.failed)
        assert left.refusals == self.whole.refusals

    def test_an_object(self):
        left = self.without(ForgetTarget("objects", "Europol", "E-1"))
        assert [one.object_id for one in left.alerts] == ["E-2"]
        assert left.warnings == ("the disk is slow",)

    def test_a_source(self):
        left = self.without(ForgetTarget("catalogue", "shop"))
        assert list(left.changes) == ["Europol"]
        assert list(left.steps) == ["pictures of Europol", "embedding"]
        assert (left.refused, left.failed) == ((), ())
        assert [one.source for one in left.alerts] == ["elsewhere"]
        assert left.warnings == self.whole.warnings

    def test_an_error_that_names_it(self):
        failed = RunRecord(WHEN, WHEN, 1.0, "failed", error="/pictures/1.jpg cannot be read")
        traces = Traces((ForgetTarget("catalogue", "shop", "SKU-1"),), frozenset(["/pictures/1.jpg"]), frozenset())
        assert failed.without(traces).error == ""

    @BRIEFLY
    @given(ACCOUNTS, st.text(string.ascii_letters, min_size=3, max_size=6))
    def test_a_record_that_does_not_name_it_stays(self, made, word):
        traces = Traces((ForgetTarget("catalogue", f"{word}-source", f"{word}-4711"),), frozenset(), frozenset())
        assert made.without(traces) == made
