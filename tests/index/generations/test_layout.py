"""A re-index that changes little reuses the large engine and adds to it; one that changes much builds a new one."""

from __future__ import annotations

import numpy as np
import pytest

from index.engines import choice, tuning, writing
from index.generations import generations, layout
from index.generations.generations import open_live
from index.generations.manifest import Manifest
from index.jobs import self_test
from index.jobs.forget import find_entry, forget
from index.workspace import Workspace
from tests.index.jobs.test_reindex import ids, run, shop

MANY = 60


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A workspace whose catalogue of 60 products counts as a large one."""
    for module in (choice, tuning, writing):
        monkeypatch.setattr(module, "EXACT_BELOW", 40)
    monkeypatch.setattr(layout, "EXACT_BELOW", 20)
    # The self-test would take nine tenths of the time of these tests, and has nothing to do with engines.
    monkeypatch.setattr(self_test, "MIN_PRODUCTS", 10 * MANY)
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    shop(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(MANY)})
    run(workspace)
    return workspace


def part(workspace, number=None):
    folder = workspace.generations / str(number or generations.live_number(workspace))
    return Manifest.read(folder).collections["catalogue"]


def engine_file(workspace, number):
    return workspace.generations / str(number) / "catalogue.index"


def test_a_few_new_products_are_added_to_the_existing_engine(large, tmp_path):
    assert (part(large).base, part(large).spec.partition(",")[0]) == (0, "HNSW32")
    shop(large, tmp_path / "shop", {f"p{seed}": seed for seed in range(MANY + 5)})
    run(large)
    assert (part(large).base, part(large).rows, part(large).entries) == (MANY, MANY + 5, MANY + 5)
    assert engine_file(large, 2).samefile(engine_file(large, 1))
    for seed in (0, 30, MANY + 4):
        assert ids(large, seed)[0] == f"p{seed}"
    shop(large, tmp_path / "shop", {f"p{seed}": seed for seed in range(MANY + 7)})
    run(large)
    assert (part(large).base, part(large).rows) == (MANY, MANY + 7)
    assert ids(large, MANY + 6)[0] == f"p{MANY + 6}"


def test_the_row_of_a_changed_picture_is_deleted(large, tmp_path):
    shop(large, tmp_path / "shop", {f"p{seed}": seed for seed in range(MANY)} | {"p7": 500})
    run(large)
    assert (part(large).base, part(large).rows) == (MANY, MANY)
    assert ids(large, 500)[0] == "p7"
    assert len(set(ids(large, 7, limit=MANY))) == MANY, "every product is found, none by a deleted row"


@pytest.mark.parametrize(
    ("products", "why"),
    [
        (dict.fromkeys(range(MANY + 30)), "too many were added"),
        (dict.fromkeys(range(10), 1000) | dict.fromkeys(range(10, MANY)), "too many were deleted"),
    ],
)
def test_after_many_changes_a_new_engine_is_built(large, tmp_path, products, why):
    pictures = {f"p{seed}": (offset or 0) + seed for seed, offset in products.items()}
    shop(large, tmp_path / "shop", pictures)
    run(large)
    assert part(large).base == 0, why
    assert part(large).rows == len(pictures)


def test_the_operator_can_ask_for_a_new_engine(large, tmp_path):
    shop(large, tmp_path / "shop", {f"p{seed}": seed for seed in range(MANY + 1)})
    run(large, full=True)
    assert part(large).base == 0


def test_vectors_of_deleted_rows_are_erased_by_the_next_forget(large, tmp_path):
    """A vector that no entry uses any more must not remain after a request to forget."""
    live = open_live(large)
    row = next(row.row for row in live.records.all_views("catalogue") if live.records.entry(row.entry).id == 8)
    # As a graph stores it: the upper halves of the numbers.
    trace = (live.engine("catalogue").vectors(np.array([row])).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    product = live.records.entry(8).fields.entry_id
    shop(large, tmp_path / "shop", {f"p{seed}": seed for seed in range(MANY)} | {product: 500})
    run(large)
    assert trace in engine_file(large, 2).read_bytes()
    forget(large, find_entry(large, "catalogue", product))
    assert part(large).base == 0
    assert not [path for path in large.generations.rglob("*") if path.is_file() and trace in path.read_bytes()]
    assert ids(large, 20)[0] == "p20"
