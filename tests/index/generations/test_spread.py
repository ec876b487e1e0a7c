"""The spread of a generation's cosines: measured, kept in the manifest, and measured again for former generations."""

import json
from contextlib import closing

import numpy as np
import pytest

from index.generations.generations import MANIFEST, Generation, open_live
from index.generations.manifest import Manifest
from index.generations.spread import MIN_ENTRIES, SAMPLE, UNMEASURED, CosineSpread, sampled_rows
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spread")
    workspace = Workspace.create(folder / "workspace", "colour-64")
    rows = [{"product_id": f"p{seed}"} for seed in range(40)]
    add_feed(workspace, "shop", "catalogue", write_feed(folder / "shop", rows, list(range(40))))
    reindex(workspace, ColourEncoder(), Unwatched())
    return workspace


def test_pairs_of_one_entry_do_not_count():
    vectors = np.eye(2 * MIN_ENTRIES, dtype=np.float32)
    vectors[1::2] = vectors[::2]
    spread = CosineSpread.of(vectors, [row // 2 for row in range(2 * MIN_ENTRIES)])
    assert spread is not None
    assert spread.mean == 0.0
    assert CosineSpread.of(vectors, range(2 * MIN_ENTRIES)).mean > 0.0


def test_few_entries_are_not_measured():
    vectors = np.eye(MIN_ENTRIES - 1, dtype=np.float32)
    assert CosineSpread.of(vectors, range(len(vectors))) is None


@pytest.mark.parametrize("count", [0, 5, SAMPLE, SAMPLE + 1, 50 * SAMPLE])
def test_the_sample_is_bounded_and_always_the_same(count):
    rows = sampled_rows(count)
    assert len(set(rows.tolist())) == len(rows) == min(count, SAMPLE)
    assert rows.tolist() == sorted(rows.tolist()) == sampled_rows(count).tolist()
    assert all(0 <= row < count for row in rows.tolist())


def test_a_generation_keeps_its_spread(workspace):
    with closing(open_live(workspace)) as generation:
        kept = Manifest.read(workspace.generations / "1").collections["catalogue"].spread
        vectors = generation.engine("catalogue").vectors(np.arange(40))
        assert generation.spread("catalogue") == kept
        cosines = (vectors @ vectors.T)[~np.eye(40, dtype=bool)]
        assert kept == CosineSpread(pytest.approx(cosines.mean(), abs=1e-5), pytest.approx(cosines.std(), abs=1e-5))


def test_a_collection_of_few_entries_has_the_spread_of_the_catalogue(workspace):
    with closing(open_live(workspace)) as generation:
        assert generation.spread("objects") == generation.spread("catalogue") != UNMEASURED


def test_a_former_generation_is_measured_when_it_is_opened(workspace):
    path = workspace.generations / "1" / MANIFEST
    written = path.read_text()
    fields = json.loads(written)
    for part in fields["collections"].values():
        del part["spread"]
    try:
        path.write_text(json.dumps(fields))
        with closing(Generation(path.parent)) as former, closing(open_live(workspace)) as again:
            assert former.manifest.collections["catalogue"].spread is None
            assert former.spread("catalogue") == again.spread("catalogue")
            kept = CosineSpread(**json.loads(written)["collections"]["catalogue"]["spread"])
            assert former.spread("catalogue") == kept
    finally:
        path.write_text(written)
