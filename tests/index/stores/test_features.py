"""The store of local features: records found again, damage noticed, what is unused erased."""

from pathlib import Path

import numpy as np
import pytest

from embedding.local import RECORD_BYTES
from index.errors import UnknownEntry
from index.stores import features as features_module
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from tests.local_features import record_of


def name(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def store(tmp_path):
    return FeatureStore(FolderObjects(tmp_path), ImageStore(FolderObjects(tmp_path)))


def again(store: FeatureStore) -> FeatureStore:
    """Another process' view of the same folder."""
    return FeatureStore(store.objects, store.images)


def folder(store: FeatureStore) -> Path:
    return store.objects.appendable / "features"


def size(store: FeatureStore) -> int:
    return sum(path.stat().st_size for path in folder(store).rglob("*.features"))


def test_features_are_found_again_in_the_order_asked_for(store):
    made = {name(number): record_of(number, count=number) for number in (1, 2, 3)}
    store.append(made)
    store.append(made)
    assert size(store) == 3 * RECORD_BYTES
    for opened in (store, again(store)):
        assert [len(found) for found in opened.get([name(3), name(1), name(2), name(3)])] == [3, 1, 2, 3]
        assert opened.missing([name(2), name(9)]) == [name(9)]
    assert store.get([]) == []


def test_a_reader_sees_what_the_night_has_added_and_erased(store):
    reader = again(store)
    with pytest.raises(UnknownEntry):
        reader.get([name(1)])
    store.append({name(1): record_of(1, count=5)})
    assert len(reader.get([name(1)])[0]) == 5
    store.append({name(2): record_of(2, count=6)})
    assert len(reader.get([name(2)])[0]) == 6
    store.discard_unused([name(2)])
    assert size(store) == RECORD_BYTES
    assert len(again(store).get([name(2)])[0]) == 6
    with pytest.raises(UnknownEntry):
        again(store).get([name(1)])


def test_damaged_records_are_not_used_and_are_made_again(store):
    store.append({name(number): record_of(number, count=4) for number in (1, 2)})
    (path,) = folder(store).rglob("*.features")
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    reader = again(store)
    with pytest.raises(UnknownEntry):  # it would be computed from the picture, which is not there
        reader.get([name(1)])
    assert len(reader.get([name(2)])[0]) == 4
    assert reader.discard_damaged() == 1
    assert reader.missing([name(1), name(2)]) == [name(1)]
    assert reader.discard_damaged() == 0


def test_few_unused_records_stay_until_it_pays(store):
    store.append({name(number): record_of(number) for number in range(10)})
    used = [name(number) for number in range(1, 10)]
    assert store.discard_unused(used, 0.1) == 0
    assert store.discard_unused(used) == 1
    assert store.missing([name(0), name(1)]) == [name(0)]


def test_what_is_computed_for_a_search_is_kept_in_memory_within_bounds(store, monkeypatch):
    monkeypatch.setattr(features_module, "MAX_COMPUTED", 2)
    asked, looked_up = [], []

    def compute(_, image):
        asked.append(image)
        return record_of(1)

    monkeypatch.setattr(features_module, "record", compute)
    watched = store.with_lookups(looked_up.append)
    for number in (1, 1, 2, 3, 1):
        watched.get([name(number)])
    assert asked == [name(1), name(2), name(3), name(1)]
    assert looked_up == [False, True, False, False, False]
    assert not list(folder(store).rglob("*.features"))


def test_features_of_other_versions_are_deleted(store):
    store.append({name(1): record_of(1)})
    old = folder(store) / "ab" / f"{'ab' * 32}.features"
    old.parent.mkdir()
    old.write_bytes(b"TOLF")
    store.delete_former()
    assert not old.exists()
    assert store.missing([name(1)]) == []


def test_records_fill_shards_that_can_be_rewritten_quickly(store, monkeypatch):
    monkeypatch.setattr("index.stores.shards.SHARD_BYTES", 4 * RECORD_BYTES)
    opened = again(store)
    opened.append({name(number): record_of(number, count=number) for number in range(11)})
    assert len(list(folder(store).rglob("*.keys"))) == 3
    assert [len(found) for found in again(store).get([name(n) for n in range(11)])] == list(range(11))
    assert np.array_equal(opened.get([name(7)])[0].keypoints, again(store).get([name(7)])[0].keypoints)
