"""The folder of accounts: the newest are kept, what was not sent is remembered, a damaged file hurts nobody."""

import json
from datetime import UTC, datetime

import pytest

from index.jobs.forget import ForgetTarget, Traces
from service.reports.account import Account
from service.reports.kept import KEPT, Nights


def account(day: int, outcome="published", **told) -> Account:
    moment = f"2026-{1 + day // 28:02}-{1 + day % 28:02}T03:00:00+00:00"
    return Account(moment, moment, 1.0, outcome, **told)


@pytest.fixture
def nights(tmp_path):
    return Nights(tmp_path / "nights")


def test_accounts_are_kept_in_the_order_of_their_nights(nights):
    for day in (1, 0, 2):
        nights.keep(account(day))
    assert nights.accounts() == [account(0), account(1), account(2)]


def test_two_nights_that_begin_in_one_second_are_both_kept(nights):
    paths = {nights.keep(account(0, error=text)) for text in ("one", "two", "three")}
    assert len(paths) == 3
    assert [kept.error for kept in nights.accounts()] == ["one", "two", "three"]


def test_the_oldest_go_with_the_notes_that_they_were_not_sent(nights):
    first = nights.keep(account(0))
    nights.note_unsent(first, "webhook")
    nights.note_unsent(first, "mail")
    for day in range(1, KEPT + 1):
        last = nights.keep(account(day))
    assert len(nights.accounts()) == KEPT
    assert nights.unsent("webhook") == []
    nights.note_unsent(last, "webhook")
    assert [path.name for path in nights.root.iterdir() if path.suffix != ".json"] == [f"{last.stem}.webhook"]


def test_a_damaged_account_is_left_out_and_a_lone_note_means_nothing(nights):
    good, bad = nights.keep(account(0)), nights.keep(account(1))
    bad.write_bytes(b"{")
    nights.note_unsent(good, "mail")
    nights.note_unsent(bad, "mail")
    assert nights.accounts() == [account(0)]
    assert [told for _, told in nights.unsent("mail")] == [account(0)]
    assert nights.unsent("webhook") == []


def test_the_last_night_that_went_well(nights):
    assert nights.last_done() is None
    nights.keep(account(0, "failed"))
    assert nights.last_done() is None
    nights.keep(account(1, "unchanged"))
    nights.keep(account(2, "withheld"))
    nights.keep(account(3, "failed")).write_bytes(b"damaged")
    assert nights.last_done() == datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_forgetting_changes_only_what_speaks_of_it(nights):
    silent, speaking, damaged = (nights.keep(account(day, warnings=told)) for day, told in enumerate([(), ("p1",), ()]))
    damaged.write_bytes(b'{"p1": ')
    left = nights.root / f".{silent.name}.1-2.part"
    for path in (left, nights.report):
        path.write_text("p1")
    before = silent.stat()
    nights.forget(Traces((ForgetTarget("catalogue", "shop", "p1"),), frozenset(), frozenset()))
    assert sorted(path.name for path in nights.root.iterdir()) == [silent.name, speaking.name]
    assert json.loads(speaking.read_text())["warnings"] == []
    assert silent.stat().st_ino == before.st_ino


def test_forgetting_where_no_night_was_yet(nights):
    nights.forget(Traces((ForgetTarget("catalogue", "shop", "p1"),), frozenset(), frozenset()))
    assert not nights.root.exists()
