"""Shards in an object store: merged when they are many, complete after a crash, and gone with all their versions."""

import numpy as np
import pytest

from embedding.image.regions import WHOLE
from index.errors import WorkspaceError
from index.stores import packed
from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects
from index.stores.packed import PackedContents
from index.stores.row_keys import RowKey
from tests.crashes import Crash


def key(number):
    return RowKey(f"{number:064x}", WHOLE)


@pytest.fixture
def objects(tmp_path):
    return open_objects(f"file://{tmp_path}")


def opened(objects):
    return PackedContents(objects, "text/one", "readings")


def shards(objects):
    return sorted(each.key for each in objects.list_objects("text/one"))


def words(number):
    return b"what is written on %d" % number * (number % 5)


def check(store, numbers):
    rows = store.rows([key(number) for number in numbers])
    assert store.get(rows) == [words(number) for number in numbers]
    assert store.is_intact(rows, store.get(rows)).all()


def test_many_small_shards_become_few(objects):
    store = opened(objects)
    for number in range(100):
        store.append([key(number)], [words(number)])
    assert len(shards(objects)) <= packed.MAX_SMALL + 1
    check(store, range(100))
    check(opened(objects), range(99, -1, -1))


def test_large_shards_are_not_merged_again(objects, monkeypatch):
    monkeypatch.setattr(packed, "SHARD_BYTES", 1000)
    store = opened(objects)
    store.append([key(1), key(2)], [bytes(1500), bytes(1500)])
    large = shards(objects)
    assert len(large) == 2
    for number in range(3, 60):
        store.append([key(number)], [bytes(10)])
    assert set(large) <= set(shards(objects))


@pytest.mark.parametrize("when", ["before the merged shard", "before the parts are deleted", "between two parts"])
def test_a_crash_while_merging_loses_nothing(objects, monkeypatch, when):
    monkeypatch.setattr(packed, "MAX_SMALL", 4)
    store = opened(objects)
    for number in range(4):
        store.append([key(number)], [words(number)])
    put, delete = FolderObjects.put, FolderObjects.delete
    calls = []

    def put_or_crash(self, name, data):
        calls.append(name)
        if when == "before the merged shard" and len(calls) == 2:
            raise Crash
        put(self, name, data)

    def delete_or_crash(self, keys):
        if when == "between two parts":
            delete(self, list(keys)[:2])
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(FolderObjects, "put", put_or_crash)
        patch.setattr(FolderObjects, "delete", delete_or_crash)
        with pytest.raises(Crash):
            store.append([key(4)], [words(4)])
    after = opened(objects)
    check(after, range(5))
    for number in range(5, 12):
        after.append([key(number)], [words(number)])
    check(after, range(12))
    # What was there twice is there once again.
    while len(shards(objects)) > 1:
        after.append([key(len(after) + 100)], [b""])
    assert len(opened(objects)) == len({image.tobytes() for image in after.images()})


def test_of_what_is_known_nothing_is_read_again(objects, monkeypatch):
    store = opened(objects)
    store.append([key(1)], [words(1)])
    reader = opened(objects)
    store.append([key(2)], [words(2)])
    asked = []
    read = FolderObjects.get_ranges
    monkeypatch.setattr(FolderObjects, "get_ranges", lambda self, ranges: asked.extend(ranges) or read(self, ranges))
    again = reader.reopened()
    assert len(asked) == 1
    check(again, [1, 2])
    check(reader, [1])


def test_neighbours_are_read_together(objects, monkeypatch):
    store = opened(objects)
    store.append([key(n) for n in range(50)], [bytes([n]) * 10 for n in range(50)])
    asked = []
    read = FolderObjects.get_ranges
    monkeypatch.setattr(FolderObjects, "get_ranges", lambda self, ranges: asked.extend(ranges) or read(self, ranges))
    rows = store.rows([key(n) for n in (7, 3, 40)])
    assert store.get(rows) == [bytes([n]) * 10 for n in (7, 3, 40)]
    assert [(each.start, each.end) for each in asked] == [(30, 410)]


def test_damage_is_noticed_and_can_be_discarded(objects, tmp_path):
    store = opened(objects)
    store.append([key(n) for n in range(1, 5)], [words(n) for n in range(1, 5)])
    path = tmp_path / shards(objects)[0]
    path.write_bytes(path.read_bytes().replace(b"on 3", b"on 8", 1))
    (bad,) = store.damaged()
    assert store.keys(np.array([bad])) == [key(3)]
    assert store.is_intact(store.rows([key(3)]), store.get(store.rows([key(3)]))).tolist() == [False]
    store.discard([bad])
    check(store, [1, 2, 4])
    assert store.rows([key(3)]).tolist() == [-1]


def test_a_shard_that_is_too_short_is_said_to_be_damaged(objects, tmp_path):
    store = opened(objects)
    store.append([key(1)], [words(1)])
    path = tmp_path / shards(objects)[0]
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(WorkspaceError, match="is damaged: it has"):
        store.damaged()


def test_no_version_in_a_bucket_has_what_was_discarded(s3_server, monkeypatch):
    monkeypatch.setattr(packed, "MAX_SMALL", 3)
    bucket = s3_server.bucket(versioned=True)
    store = opened(open_objects(f"s3://{bucket}/prefix"))
    for number in range(12):
        store.append([key(number)], [b"secret of %d" % number])
    gone = [3, 11]
    store.discard(store.rows([key(number) for number in gone]))
    everything = b"".join(s3_server.everything(bucket).values())
    for number in range(12):
        assert (b"secret of %d" % number in everything) == (number not in gone), number
        assert (bytes.fromhex(key(number).sha256) in everything) == (number not in gone), number
