"""The contract of VectorEngine, run over every engine, and that two of them agree."""

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.engines.brute_force import BruteForceEngine
from index.engines.faiss_engine import FaissEngine
from index.engines.layered import LayeredEngine
from index.engines.protocol import NO_ROW
from tests import milvus


class Half(FaissEngine):
    """An exact scan of half precision."""

    build = partial(FaissEngine.build, spec="SQfp16")


class Graph(FaissEngine):
    """A graph over bfloat16."""

    build = partial(FaissEngine.build, spec="HNSW32,SQbf16;efSearch=64")


class HalfGraph(FaissEngine):
    """A graph over half precision, as in generations of older versions."""

    build = partial(FaissEngine.build, spec="HNSW32,SQfp16;efSearch=64")


class Codes(FaissEngine):
    """Lists of one-bit codes, refined by the originals."""

    build = partial(FaissEngine.build, spec="IVF4,RaBitQ;nprobe=4,k_factor=16")


class LongCodes(FaissEngine):
    """Lists of four-bit codes, refined by the originals."""

    build = partial(FaissEngine.build, spec="IVF4,RaBitQ4;nprobe=4,k_factor=8")


class AddedTo(LayeredEngine):
    """A graph of two thirds of the vectors, the others added later."""

    @classmethod
    def build(cls, vectors: np.ndarray) -> "AddedTo":
        first = 2 * len(vectors) // 3
        return super().build(Graph.build(vectors[:first]), vectors[first:], np.empty(0, np.int64))


ENGINES = [BruteForceEngine, FaissEngine, Half, Graph, HalfGraph, AddedTo, Codes, LongCodes]
# Tolerances: float16 has eleven significant bits, bfloat16 eight.
HALF, BFLOAT16 = 2**-11 + 1e-6, 2**-8 + 1e-6


def tolerance(engine) -> float:
    """How far the scores and vectors of an engine may be off."""
    return BFLOAT16 if "bf16" in engine.stats().spec else HALF


def unit(seed: int, count: int, dimension: int = 16) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def on_milvus(milvus_server):
    return milvus.OnMilvus(milvus_server)


@pytest.fixture(
    params=[*ENGINES, pytest.param(milvus.OnMilvus, marks=pytest.mark.slow)], ids=lambda engine: engine.__name__
)
def engine_type(request):
    return request.getfixturevalue("on_milvus") if request.param is milvus.OnMilvus else request.param


def test_a_vector_finds_itself_first(engine_type):
    vectors = unit(0, 50)
    engine = engine_type.build(vectors)
    scores, rows = engine.search(vectors, 3)
    assert rows[:, 0].tolist() == list(range(50))
    assert np.allclose(scores[:, 0], 1, rtol=0, atol=tolerance(engine))
    assert (np.diff(scores, axis=1) <= 0).all()


def test_saved_and_opened_it_answers_the_same(engine_type, tmp_path):
    vectors, queries = unit(1, 40), unit(2, 5)
    built = engine_type.build(vectors)
    built.save(tmp_path / "engine")
    opened = engine_type.open(tmp_path / "engine", built.stats().spec)
    for mine, theirs in zip(built.search(queries, 7), opened.search(queries, 7), strict=True):
        assert np.array_equal(mine, theirs)
    assert opened.stats() == built.stats()
    assert np.allclose(opened.vectors(np.array([5, 2])), vectors[[5, 2]], rtol=0, atol=tolerance(opened))


def test_a_filter_acts_inside_the_search(engine_type):
    vectors = unit(3, 1000)
    allow = np.array([7, 500, 998])
    scores, rows = engine_type.build(vectors).search(unit(4, 4), 3, allow)
    assert {*rows.ravel().tolist()} == {7, 500, 998}
    assert np.isfinite(scores).all()


def test_missing_results_are_marked(engine_type):
    vectors = unit(5, 4)
    for allow, expected in ((None, 4), (np.array([1]), 1), (np.array([], np.int64), 0)):
        scores, rows = engine_type.build(vectors).search(unit(6, 2), 5, allow)
        assert scores.shape == rows.shape == (2, 5)
        assert (rows != NO_ROW).sum(axis=1).tolist() == [expected] * 2
        assert np.isneginf(scores[rows == NO_ROW]).all()


@pytest.mark.parametrize(
    "engine_type",
    [BruteForceEngine, FaissEngine, Half, Graph, AddedTo, pytest.param(milvus.OnMilvus, marks=pytest.mark.slow)],
    indirect=True,
)
def test_an_empty_engine_answers_nothing(engine_type, tmp_path):
    empty = engine_type.build(np.empty((0, 16), np.float32))
    empty.save(tmp_path / "engine")
    _, rows = engine_type.open(tmp_path / "engine", empty.stats().spec).search(unit(7, 1), 2)
    assert rows.tolist() == [[NO_ROW, NO_ROW]]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 80),
    k=st.integers(1, 20),
    allow=st.none() | st.sets(st.integers(0, 79)),
)
def test_two_engines_agree(seed, count, k, allow):
    vectors, queries = unit(seed, count), unit(seed + 1, 3)
    rows = None if allow is None else np.array(sorted(row for row in allow if row < count), np.int64)
    engines = [engine.build(vectors) for engine in ENGINES[:6]]
    reference, *others = [engine.search(queries, k, rows) for engine in engines]
    assert np.array_equal(reference[1], others[0][1])
    for engine, (scores, found) in zip(engines[1:], others, strict=True):
        assert np.allclose(reference[0], scores, rtol=0, atol=tolerance(engine))
        assert np.array_equal(np.sort(reference[1] == NO_ROW), np.sort(found == NO_ROW))


MANY, WIDE = 6000, 24


@pytest.fixture(scope="module")
def many():
    return unit(8, MANY, WIDE)


@pytest.fixture(scope="module", params=["HNSW32,SQbf16;efSearch=64", "IVF16,RaBitQ4;nprobe=14,k_factor=16"])
def approximate(request, many):
    return FaissEngine.build(many, request.param)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    k=st.integers(1, 40),
    share=st.sampled_from([0.0001, 0.001, 0.01, 0.1, 0.5, 0.95, 1.0]),
    near=st.booleans(),
)
def test_filters_of_any_width_stay_right(many, approximate, seed, k, share, near):
    """Allowed rows scattered, or all far from the query: as many as there are are found, and the right ones."""
    random = np.random.default_rng(seed)
    queries, size = unit(seed + 2000, 20, WIDE), max(1, round(MANY * share))
    chosen = np.argsort(many @ queries[0])[:size] if near else random.choice(MANY, size, replace=False)
    allow = np.sort(chosen).astype(np.int64)
    scores, rows = approximate.search(queries, k, allow)
    right_scores, right = BruteForceEngine.build(many).search(queries, k, allow)
    expected = min(k, size)
    assert np.isin(rows[:, :expected], allow).all()
    assert (rows[:, expected:] == NO_ROW).all()
    assert (np.diff(scores[:, :expected], axis=1) <= 0).all()
    for place, query in enumerate(queries):
        assert len(set(rows[place, :expected])) == expected, "no row twice"
        assert np.allclose(
            scores[place, :expected], many[rows[place, :expected]] @ query, rtol=0, atol=tolerance(approximate)
        )
    found = np.mean([np.isin(right[place, :expected], rows[place]).mean() for place in range(len(queries))])
    assert found >= 0.8
    if size <= MANY // 100:
        missed = ~np.isclose(scores[:, :expected], right_scores[:, :expected], rtol=0, atol=tolerance(approximate))
        assert not missed.any(), "narrow filters miss nothing"


def test_added_vectors_are_found(many):
    engine = FaissEngine.build(many, "HNSW32,SQbf16;efSearch=64", first=4000)
    assert engine.stats().count == 4000
    engine.add(many, MANY)
    assert engine.stats().count == MANY
    assert (engine.search(many[5000:5020], 1)[1][:, 0] == np.arange(5000, 5020)).mean() >= 0.95


def test_an_open_engine_answers_after_its_files_are_gone(many, tmp_path):
    spec = "IVF16,RaBitQ;nprobe=8,k_factor=8"
    built = FaissEngine.build(many, spec)
    built.save(tmp_path / "x.index")
    opened = FaissEngine.open(tmp_path / "x.index", spec)
    for path in list(tmp_path.iterdir()):
        path.unlink()
    for mine, theirs in zip(opened.search(many[:4], 5), built.search(many[:4], 5), strict=True):
        assert np.allclose(mine, theirs, rtol=0, atol=HALF)


@settings(max_examples=40)
@given(seed=st.integers(0, 100), k=st.integers(1, 60), deleted=st.sets(st.integers(0, 39)), narrow=st.booleans())
def test_deleted_rows_are_never_found_and_recent_ones_are(seed, k, deleted, narrow):
    vectors, queries = unit(seed, 60), unit(seed + 1, 3)
    left = np.setdiff1d(np.arange(60), sorted(deleted))
    engine = LayeredEngine.build(FaissEngine.build(vectors[:40]), vectors[40:], np.array(sorted(deleted), np.int64))
    allow = left[::2] if narrow else None
    right = left if allow is None else allow
    scores, rows = engine.search(queries, k, allow)
    assert np.allclose(scores, BruteForceEngine.build(vectors).search(queries, k, right)[0], rtol=0, atol=HALF)
    assert np.isin(rows, [*right, NO_ROW]).all()
    assert engine.stats().count == len(left)


def test_a_layered_engine_links_its_base(many, tmp_path):
    spec = "IVF16,RaBitQ;nprobe=8,k_factor=8"
    FaissEngine.build(many[:5000], spec).save(tmp_path / "old.index")
    base = FaissEngine.open(tmp_path / "old.index", spec)
    LayeredEngine.build(base, many[5000:], np.array([3, 4])).save(tmp_path / "new.index")
    for name in ("index", "vectors"):
        assert (tmp_path / f"new.{name}").samefile(tmp_path / f"old.{name}")
    opened = LayeredEngine.open(tmp_path / "new.index", spec)
    assert opened.search(many[5990:], 1)[1][:, 0].tolist() == list(range(5990, 6000))
    assert not np.isin(opened.search(many[3:5], 20)[1], [3, 4]).any()
    assert np.allclose(opened.vectors(np.array([5999, 0])), many[[5999, 0]], rtol=0, atol=HALF)
