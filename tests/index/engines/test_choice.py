"""Which index is chosen, how it is tuned, and that its stated memory and recall are right."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.engines import tuning
from index.engines.choice import EXACT_BELOW, EngineSpec, choose
from index.engines.exact_scan import exact_scan
from index.engines.faiss_engine import FaissEngine, originals_path
from index.engines.tuning import build_tuned, recall, tune
from index.engines.writing import gather, write_engine

GIGABYTE = 10**9


def clustered(count: int, dimension: int = 32, seed: int = 0) -> np.ndarray:
    """Unit vectors float32 [count, dimension] about a hundred centres."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(1000).normal(size=(100, dimension))
    vectors = centres[random.integers(0, 100, count)] + 0.7 * random.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("count", "memory", "target", "first"),
    [
        (0, GIGABYTE, 0.99, "Flat"),
        (EXACT_BELOW - 1, GIGABYTE, 0.99, "Flat"),
        (EXACT_BELOW, GIGABYTE, 0.99, "HNSW32,SQbf16"),
        (1_000_000, 2 * GIGABYTE, 0.99, "HNSW32,SQbf16"),
        (1_000_000, GIGABYTE, 0.99, "IVF2000,RaBitQ"),
        (10_000_000, 12 * GIGABYTE, 0.99, "IVF6324,RaBitQ"),
        (10_000_000, 12 * GIGABYTE, 1.0, "SQfp16"),
    ],
)
def test_the_index_follows_count_memory_and_target(count, memory, target, first):
    assert choose(count, 512, memory, target)[0].factory == first


@given(
    count=st.integers(0, 10**8),
    dimension=st.integers(1, 4096),
    memory=st.integers(0, 10**12),
    target=st.floats(0, 1),
)
def test_the_last_choice_is_exact_and_a_graph_stays_within_the_budget(count, dimension, memory, target):
    specs = choose(count, dimension, memory, target)
    assert specs[-1].factory in ("Flat", "SQfp16")
    if specs[0].is_graph:
        assert specs[0].memory(count, dimension) <= memory
    if specs[0].is_inverted:
        assert 1 <= specs[0].lists <= count


def test_a_spec_is_its_text():
    spec = EngineSpec("IVF100,RaBitQ", "nprobe=16,k_factor=8")
    assert EngineSpec.parse(str(spec)) == spec
    assert spec.parameters == {"nprobe": 16, "k_factor": 8}
    assert EngineSpec.parse("Flat") == EngineSpec("Flat")


@pytest.mark.parametrize(
    ("factory", "slack"), [("HNSW32,SQbf16", 1.02), ("IVF64,RaBitQ", 1.05), ("IVF64,RaBitQ4", 1.05)]
)
def test_the_stated_memory_is_the_size_of_the_file(factory, slack, tmp_path):
    engine = FaissEngine.build(clustered(8000, 64), factory)
    engine.save(tmp_path / "x.index")
    assert engine.stats().bytes / slack <= (tmp_path / "x.index").stat().st_size <= engine.stats().bytes * slack


@pytest.mark.parametrize("factory", ["HNSW32,SQbf16", "IVF64,RaBitQ"])
def test_tuning_reaches_its_recall_on_unseen_vectors(factory):
    vectors, queries, others = clustered(8000), clustered(200, seed=1), clustered(200, seed=2)
    every = np.arange(len(vectors))
    _, nearest = exact_scan(queries, 10, every, vectors)
    engine, reached = tune(FaissEngine.build(vectors, factory), EngineSpec(factory), queries, nearest, 0.95)
    assert reached >= 0.95
    assert recall(engine.search(others, 10)[1], exact_scan(others, 10, every, vectors)[1]) >= 0.9


@pytest.mark.parametrize("factory", ["HNSW32,SQbf16", "IVF64,RaBitQ"])
def test_search_parameters_are_no_larger_than_the_target_needs(factory):
    random = np.random.default_rng(0).normal(size=(8200, 64)).astype(np.float32)
    vectors, queries = random[:8000], random[8000:]
    _, nearest = exact_scan(queries, 10, np.arange(len(vectors)), vectors)
    engine = FaissEngine.build(vectors, factory)
    searched = []
    for target in (0.1, 0.9):
        tuned, _ = tune(engine, EngineSpec(factory), queries, nearest, target)
        searched.append(sum(EngineSpec.parse(tuned.stats().spec).parameters.values()))
    assert searched[0] < searched[1]


def test_an_index_that_misses_the_target_is_replaced_by_a_more_exact_one(monkeypatch):
    monkeypatch.setattr(
        tuning, "choose", lambda *_: (EngineSpec("IVF64,RaBitQ"), EngineSpec("HNSW32,SQbf16"), EngineSpec("SQfp16"))
    )
    monkeypatch.setattr(tuning, "held_out", lambda count: 100)
    monkeypatch.setattr(tuning, "NPROBES", (1,))
    vectors = clustered(8000)
    tuned = build_tuned(vectors, GIGABYTE, 0.98)
    assert tuned.engine.stats().spec.startswith("HNSW32,SQbf16;efSearch=")
    assert tuned.recall >= 0.98
    assert len(tuned.refused) == 1
    assert "IVF64,RaBitQ;nprobe=1" in tuned.refused[0]
    assert tuned.engine.stats().count == len(vectors), "the held-out vectors are added, too"
    monkeypatch.setattr(tuning, "EF_SEARCHES", (1,))
    last = build_tuned(vectors, GIGABYTE, 0.9999)
    assert (last.engine.stats().spec, last.recall, len(last.refused)) == ("SQfp16", None, 2)


def test_only_codes_have_a_file_of_their_originals(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "held_out", lambda count: 100)
    vectors = clustered(EXACT_BELOW)
    path = tmp_path / "catalogue.index"
    # float16 has eleven significant bits, bfloat16 eight.
    kinds = ((1, ["catalogue.index", "catalogue.vectors"], 1e-3), (GIGABYTE, ["catalogue.index"], 2**-8))
    for memory, names, close in kinds:
        gathered = gather(path, np.arange(len(vectors)), 32, lambda rows: vectors[rows])
        assert gathered.dtype == np.float16
        tuned = write_engine(path, gathered, memory, 0.9)
        assert sorted(file.name for file in tmp_path.iterdir()) == names
        opened = FaissEngine.open(path, tuned.engine.stats().spec)
        assert np.allclose(opened.vectors(np.array([7, 3])), vectors[[7, 3]], rtol=0, atol=close)
        for mine, theirs in zip(opened.search(vectors[:3], 5), tuned.engine.search(vectors[:3], 5), strict=True):
            assert np.array_equal(mine, theirs)


def test_pages_of_originals_that_were_read_are_released(tmp_path):
    vectors = clustered(EXACT_BELOW)
    path = tmp_path / "catalogue.index"
    gathered = gather(path, np.arange(len(vectors)), 32, lambda rows: vectors[rows])
    spec = write_engine(path, gathered, 1, 0.9).engine.stats().spec
    del gathered
    opened = FaissEngine.open(path, spec)
    narrow = np.arange(0, len(vectors), 1000)
    for allow in (None, narrow):
        opened.search(vectors[:200], 10, allow)
        assert mapped(originals_path(path)) == 0
    opened.vectors(narrow)
    assert mapped(originals_path(path)) == 0


def mapped(path: Path) -> int:
    """Kilobytes of a mapped file that count as this process's memory."""
    mappings = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    sizes = [re.search(r"Rss: +(\d+)", mapping) for mapping in mappings if str(path) in mapping]
    assert sizes, "the file is mapped"
    return sum(int(size[1]) for size in sizes)


def test_few_vectors_stay_in_memory_in_full_precision(tmp_path):
    vectors = clustered(50)
    assert gather(tmp_path / "x.index", np.array([4, 2]), 32, lambda rows: vectors[rows]).dtype == np.float32
    assert not list(tmp_path.iterdir())
