"""The store of readings: nothing is read twice, damage is noticed, what is discarded is gone from the disk."""

from __future__ import annotations

import sqlite3

import pytest

from embedding.text.reading import LanguageGuess, Reading
from index.errors import WorkspaceError
from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects
from index.stores.text import every_text, open_text, text_versions
from tests.written import code, line

ONE, OTHER, THIRD = "0a" * 32, "0b" * 32, "0c" * 32
READING = Reading((line("RABBIT", 0.98), line("تونس")), (code("7310865004703"),), LanguageGuess("fr", 0.5))


@pytest.fixture(params=["folder", "objects"])
def objects(request, tmp_path):
    return FolderObjects(tmp_path) if request.param == "folder" else open_objects(f"file://{tmp_path}/objects")


@pytest.fixture
def store(objects):
    opened = open_text(objects, "fake-1")
    yield opened
    opened.close()


def test_readings_come_back_as_they_were(store, objects):
    store.append({ONE: READING, OTHER: Reading()})
    again = open_text(objects, "fake-1")
    assert dict(again.get([ONE, OTHER, THIRD])) == {ONE: READING, OTHER: Reading()}
    assert again.images() == {ONE, OTHER}


def test_what_is_stored_is_not_replaced(store):
    store.append({ONE: READING})
    store.append({ONE: Reading(), OTHER: READING})
    assert dict(store.get([ONE, OTHER])) == {ONE: READING, OTHER: READING}


def test_versions_are_kept_apart(store, objects):
    store.append({ONE: READING})
    other = open_text(objects, "fake-2")
    assert other.images() == set()
    other.append({OTHER: READING})
    assert text_versions(objects) == ["fake-1", "fake-2"]
    assert [each.images() for each in every_text(objects)] == [{ONE}, {OTHER}]


def test_damaged_readings_count_as_missing(store, objects, tmp_path):
    store.append({ONE: READING, OTHER: READING})
    damage(objects, tmp_path)
    assert store.damaged() == [ONE]
    assert dict(store.get([ONE, OTHER])) == {OTHER: READING}


def damage(objects, folder):
    """Change the first reading behind the store's back."""
    if objects.appendable:
        with sqlite3.connect(folder / "text" / "fake-1.sqlite") as connection:
            connection.execute("UPDATE readings SET reading = x'7b7d' WHERE image = ?", (ONE,))
    else:
        (path,) = folder.rglob("*.readings")
        path.write_bytes(path.read_bytes().replace(b"RABBIT", b"RABBLE", 1))


def test_discarded_words_are_gone_from_the_disk(store, tmp_path):
    def on_disk():
        return any(b"RABBIT" in path.read_bytes() for path in (tmp_path).rglob("*") if path.is_file())

    store.append({ONE: READING, OTHER: Reading()})
    assert on_disk()
    assert store.discard([ONE, THIRD]) == 1
    assert not on_disk()
    assert store.images() == {OTHER}


def test_a_file_that_is_no_store_says_what_to_do(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "fake-1.sqlite").write_bytes(b"junk" * 500)
    with pytest.raises(WorkspaceError, match=r"delete it, and its pictures are read again"):
        open_text(FolderObjects(tmp_path), "fake-1")
