"""The store of readings: nothing is read twice, damage is noticed, what is discarded is gone from the disk."""

from __future__ import annotations

import sqlite3

import pytest

from embedding.text.reading import LanguageGuess, Reading
from index.errors import WorkspaceError
from index.stores.text import TextStore
from tests.written import code, line

ONE, OTHER, THIRD = "0a" * 32, "0b" * 32, "0c" * 32
READING = Reading((line("RABBIT", 0.98), line("تونس")), (code("7310865004703"),), LanguageGuess("fr", 0.5))


@pytest.fixture
def store(tmp_path):
    opened = TextStore.open(tmp_path, "fake-1")
    yield opened
    opened.close()


def test_readings_come_back_as_they_were(store, tmp_path):
    store.append({ONE: READING, OTHER: Reading()})
    again = TextStore.open(tmp_path, "fake-1")
    assert dict(again.get([ONE, OTHER, THIRD])) == {ONE: READING, OTHER: Reading()}
    assert again.images() == {ONE, OTHER}


def test_what_is_stored_is_not_replaced(store):
    store.append({ONE: READING})
    store.append({ONE: Reading(), OTHER: READING})
    assert dict(store.get([ONE, OTHER])) == {ONE: READING, OTHER: READING}


def test_versions_are_kept_apart(store, tmp_path):
    store.append({ONE: READING})
    assert TextStore.open(tmp_path, "fake-2").images() == set()
    assert [each.path.stem for each in TextStore.all(tmp_path)] == ["fake-1", "fake-2"]


def test_damaged_readings_count_as_missing(store, tmp_path):
    store.append({ONE: READING, OTHER: READING})
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE readings SET reading = x'7b7d' WHERE image = ?", (ONE,))
    assert store.damaged() == [ONE]
    assert dict(store.get([ONE, OTHER])) == {OTHER: READING}


def test_discarded_words_are_gone_from_the_disk(store):
    store.append({ONE: READING, OTHER: Reading()})
    assert b"RABBIT" in store.path.read_bytes()
    assert store.discard([ONE, THIRD]) == 1
    assert b"RABBIT" not in store.path.read_bytes()
    assert store.images() == {OTHER}


def test_a_file_that_is_no_store_says_what_to_do(tmp_path):
    (tmp_path / "fake-1.sqlite").write_bytes(b"junk" * 500)
    with pytest.raises(WorkspaceError, match=r"delete it, and its pictures are read again"):
        TextStore.open(tmp_path, "fake-1")
