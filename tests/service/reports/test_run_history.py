"""The folder of run records: the newest are kept, undelivered ones are marked, damaged files are ignored."""

import json
from datetime import UTC, datetime

import pytest

from index.jobs.forget import ForgetTarget, Traces
from service.reports.run_history import MAX_RECORDS, RunHistory
from service.reports.run_record import RunRecord


def record(day: int, outcome="published", **fields) -> RunRecord:
    moment = f"2026-{1 + day // 28:02}-{1 + day % 28:02}T03:00:00+00:00"
    return RunRecord(moment, moment, 1.0, outcome, **fields)


@pytest.fixture
def history(tmp_path):
    return RunHistory(tmp_path / "nights")


def test_records_are_kept_in_the_order_of_their_runs(history):
    for day in (1, 0, 2):
        history.add(record(day))
    assert history.records() == [record(0), record(1), record(2)]


def test_two_runs_that_begin_in_one_second_are_both_kept(history):
    paths = {history.add(record(0, error=text)) for text in ("one", "two", "three")}
    assert len(paths) == 3
    assert [kept.error for kept in history.records()] == ["one", "two", "three"]


def test_the_oldest_are_deleted_with_their_markers(history):
    first = history.add(record(0))
    history.mark_unsent(first, "webhook")
    history.mark_unsent(first, "mail")
    for day in range(1, MAX_RECORDS + 1):
        last = history.add(record(day))
    assert len(history.records()) == MAX_RECORDS
    assert history.unsent("webhook") == []
    history.mark_unsent(last, "webhook")
    assert [path.name for path in history.root.iterdir() if path.suffix != ".json"] == [f"{last.stem}.webhook"]


def test_a_damaged_record_is_left_out_and_a_marker_without_record_is_ignored(history):
    good, bad = history.add(record(0)), history.add(record(1))
    bad.write_bytes(b"{")
    history.mark_unsent(good, "mail")
    history.mark_unsent(bad, "mail")
    assert history.records() == [record(0)]
    assert [unsent for _, unsent in history.unsent("mail")] == [record(0)]
    assert history.unsent("webhook") == []


def test_the_last_successful_run(history):
    assert history.last_success() is None
    history.add(record(0, "failed"))
    assert history.last_success() is None
    history.add(record(1, "unchanged"))
    history.add(record(2, "withheld"))
    history.add(record(3, "failed")).write_bytes(b"damaged")
    assert history.last_success() == datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_forgetting_changes_only_records_that_name_it(history):
    silent, speaking, damaged = (
        history.add(record(day, warnings=warnings)) for day, warnings in enumerate([(), ("p1",), ()])
    )
    damaged.write_bytes(b'{"p1": ')
    left = history.root / f".{silent.name}.1-2.part"
    for path in (left, history.report):
        path.write_text("p1")
    before = silent.stat()
    history.forget(Traces((ForgetTarget("catalogue", "shop", "p1"),), frozenset(), frozenset()))
    assert sorted(path.name for path in history.root.iterdir()) == [silent.name, speaking.name]
    assert json.loads(speaking.read_text())["warnings"] == []
    assert silent.stat().st_ino == before.st_ino


def test_forgetting_without_any_run(history):
    history.forget(Traces((ForgetTarget("catalogue", "shop", "p1"),), frozenset(), frozenset()))
    assert not history.root.exists()
