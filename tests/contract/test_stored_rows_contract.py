"""What rows stored by image and region promise, in a folder and in an object store, compared with a dictionary."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from embedding.image.regions import WHOLE, Region
from index.stores import packed
from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects
from index.stores.row_keys import RowKey
from index.stores.rows import open_rows
from index.stores.shards import ShardedRows
from tests import object_stores
from tests.object_stores import STORES

WIDTH = 5
HALF = Region(0, 0, 0.5, 1)
IMAGES = [f"{number:064x}" for number in range(12)]
KEYS = st.builds(RowKey, st.sampled_from(IMAGES), st.sampled_from([WHOLE, HALF]))


def opened(objects):
    return open_rows(objects, "rows", "numbers", np.uint8, WIDTH)


@pytest.fixture(params=STORES)
def objects(request, tmp_path):
    return object_stores.opened(request.param, request, tmp_path)


def content(*values):
    return np.array([[value] * WIDTH for value in values], np.uint8)


def names(*numbers):
    return [IMAGES[number] for number in numbers]


def keys(*numbers):
    return [RowKey(image, WHOLE) for image in names(*numbers)]


def test_rows_are_found_again_by_whoever_opens_them(objects):
    store = opened(objects)
    assert len(store) == 0
    assert store.rows(keys(1)).tolist() == [-1]
    store.append(keys(1, 2), content(10, 20))
    store.append(keys(3), content(30))
    for reader in (store, opened(objects)):
        assert len(reader) == 3
        assert reader.get(reader.rows(keys(3, 1, 2, 3))).tolist() == content(30, 10, 20, 30).tolist()
        assert (reader.rows_of(names(2, 9), WHOLE) < 0).tolist() == [False, True]
        assert reader.keys(reader.rows(keys(2, 1))) == keys(2, 1)
        assert reader.damaged() == []


def test_a_key_is_stored_once(objects):
    store = opened(objects)
    store.append([*keys(1, 1), RowKey(IMAGES[1], HALF)], content(1, 2, 3))
    store.append(keys(1, 2), content(4, 5))
    assert len(store) == 3
    assert store.get(store.rows(keys(1, 2))).tolist() == content(1, 5).tolist()


def test_a_reader_notices_what_others_wrote(objects):
    store, reader = opened(objects), opened(objects)
    assert reader.is_current()
    store.append(keys(1), content(1))
    assert not reader.is_current()
    assert store.is_current() or isinstance(store, ShardedRows)


def test_discarded_rows_are_gone_and_the_others_stay(objects):
    store = opened(objects)
    for number in range(4):
        store.append(keys(2 * number, 2 * number + 1), content(2 * number, 2 * number + 1))
    store.discard(store.rows(keys(0, 1, 2, 5)))
    for reader in (store, opened(objects)):
        assert len(reader) == 4
        assert reader.get(reader.rows(keys(3, 4, 6, 7))).tolist() == content(3, 4, 6, 7).tolist()
    assert store.discard_unused(names(3, 4, 6), 0.5) == 0
    assert store.discard_unused(names(3, 4, 6)) == 1
    assert {image.tobytes().hex() for image in store.images()} == set(names(3, 4, 6))


class Rows(RuleBasedStateMachine):
    """Any order of appends, discards and openings."""

    def __init__(self, make) -> None:
        super().__init__()
        self._make = make
        self.known: dict[RowKey, int] = {}

    @initialize()
    def begin(self):
        self.objects = self._make()
        self.store = opened(self.objects)

    @rule(new=st.dictionaries(KEYS, st.integers(0, 255), max_size=6))
    def append(self, new):
        self.store.append(list(new), content(*new.values()).reshape(-1, WIDTH))
        self.known = {**new, **self.known}

    @rule(chosen=st.sets(KEYS, max_size=6))
    def discard(self, chosen):
        rows = self.store.rows(list(chosen))
        self.store.discard(rows[rows >= 0])
        self.known = {key: value for key, value in self.known.items() if key not in chosen}

    @rule()
    def reopen(self):
        self.store = opened(self.objects)

    @invariant()
    def same(self):
        if not hasattr(self, "store"):
            return
        rows = self.store.rows(list(self.known))
        assert len(self.store) == len(self.known)
        assert self.store.get(rows).tolist() == content(*self.known.values()).reshape(-1, WIDTH).tolist()
        assert self.store.is_intact(rows, self.store.get(rows)).all()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_whatever_is_done_in_whatever_order(kind, tmp_path_factory, monkeypatch):
    # Small enough that shards fill, are merged, and are discarded as a whole.
    monkeypatch.setattr(packed, "SHARD_BYTES", 300)
    monkeypatch.setattr(packed, "MAX_SMALL", 2)
    monkeypatch.setattr("index.stores.shards.SHARD_BYTES", 4 * WIDTH)

    def make():
        folder = tmp_path_factory.mktemp("rows")
        return FolderObjects(folder) if kind == "folder" else open_objects(f"file://{folder}/objects")

    run_state_machine_as_test(lambda: Rows(make), settings=settings(max_examples=40, stateful_step_count=25))
