import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.encoders.card import ModelCard
from embedding.image.preprocess import Preprocess
from embedding.image.regions import WHOLE, Region
from index.errors import WorkspaceError
from index.stores.objects.folder import FolderObjects
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore

DIMENSION = 8
CARD = ModelCard(
    "fake", "starter", "none", "package:none", "ab" * 32, "none", DIMENSION,
    Preprocess(8, "longest", (0.5,) * 3, (0.5,) * 3), text=False,
)  # fmt: skip


def key(number: int, region: Region = WHOLE) -> RowKey:
    return RowKey(f"{number:064x}", region)


def unit(seed: int, count: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_stored_vectors_are_found_after_reopening(tmp_path):
    vectors = unit(1, 5)
    keys = [key(n) for n in range(5)]
    VectorStore.open(FolderObjects(tmp_path), CARD).append(keys, vectors)
    store = VectorStore.open(FolderObjects(tmp_path), CARD)
    assert len(store) == 5
    assert store.rows([key(3), key(9), key(0)]).tolist() == [3, -1, 0]
    assert np.allclose(store.get(store.rows(keys)), vectors, atol=1e-3)
    assert np.allclose(np.linalg.norm(store.get(store.rows(keys)), axis=1), 1, atol=1e-6)


def test_regions_of_one_image_are_kept_apart(tmp_path):
    store = VectorStore.open(FolderObjects(tmp_path), CARD)
    half = Region(0, 0, 0.5, 1)
    store.append([key(1), key(1, half)], unit(2, 2))
    assert store.rows([key(1, half), key(1), key(1, Region(0, 0, 0.25, 1))]).tolist() == [1, 0, -1]
    again = VectorStore.open(FolderObjects(tmp_path), CARD)
    assert again.rows([key(1, half), key(1)]).tolist() == [1, 0]


def test_appending_stored_keys_changes_nothing(tmp_path):
    store = VectorStore.open(FolderObjects(tmp_path), CARD)
    first = unit(3, 2)
    store.append([key(1), key(2)], first)
    store.append([key(2), key(3), key(3)], unit(4, 3))
    assert len(store) == 3
    assert np.allclose(store.get(np.array([0, 1])), first, atol=1e-3)


def test_shards_fill_and_a_new_one_begins(tmp_path, monkeypatch):
    monkeypatch.setattr("index.stores.shards.SHARD_BYTES", 4 * 2 * CARD.dimension)
    store = VectorStore.open(FolderObjects(tmp_path), CARD)
    vectors = unit(5, 11)
    store.append([key(n) for n in range(3)], vectors[:3])
    store.append([key(n) for n in range(3, 11)], vectors[3:])
    for opened in (store, VectorStore.open(FolderObjects(tmp_path), CARD)):
        rows = opened.rows([key(n) for n in range(11)])
        assert np.allclose(opened.get(rows), vectors, atol=1e-3)


@settings(max_examples=60)
@given(cut=st.integers(0, 200), torn=st.sampled_from(["vectors", "keys"]))
def test_a_truncated_file_loses_only_its_incomplete_rows(tmp_path_factory, cut, torn):
    folder = tmp_path_factory.mktemp("torn")
    vectors = unit(6, 6)
    VectorStore.open(FolderObjects(folder), CARD).append([key(n) for n in range(6)], vectors)
    path = next(folder.rglob(f"*.{torn}"))
    size = path.stat().st_size
    os.truncate(path, max(0, size - cut))
    store = VectorStore.open(FolderObjects(folder), CARD)
    kept = len(store)
    row_bytes = size // 6
    assert kept == max(0, size - cut) // row_bytes
    store.append([key(n) for n in range(6)], vectors)
    again = VectorStore.open(FolderObjects(folder), CARD)
    assert np.allclose(again.get(again.rows([key(n) for n in range(6)])), vectors, atol=1e-3)
    assert again.damaged() == []


def test_zeros_left_by_a_power_cut_are_ignored(tmp_path):
    VectorStore.open(FolderObjects(tmp_path), CARD).append([key(n) for n in range(4)], unit(7, 4))
    path = next(tmp_path.rglob("*.vectors"))
    with path.open("r+b") as file:
        file.seek(3 * 2 * DIMENSION)
        file.write(bytes(2 * DIMENSION))
    store = VectorStore.open(FolderObjects(tmp_path), CARD)
    assert len(store) == 3
    assert store.rows([key(3)]).tolist() == [-1]


def test_damaged_rows_are_named(tmp_path):
    VectorStore.open(FolderObjects(tmp_path), CARD).append([key(n) for n in range(4)], unit(8, 4))
    path = next(tmp_path.rglob("*.vectors"))
    with path.open("r+b") as file:
        file.seek(2 * DIMENSION)
        file.write(b"\x01\x02\x03")
    assert VectorStore.open(FolderObjects(tmp_path), CARD).damaged() == [1]


def test_another_models_folder_is_refused(tmp_path):
    VectorStore.open(FolderObjects(tmp_path), CARD)
    about = next(tmp_path.rglob("about.json"))
    about.write_text(about.read_text().replace('"dimension": 8', '"dimension": 9'))
    with pytest.raises(WorkspaceError, match="re-index"):
        VectorStore.open(FolderObjects(tmp_path), CARD)
