"""What every VectorEngine promises, and that two of them agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.engines.brute_force import BruteForceEngine
from index.engines.faiss_engine import FaissEngine
from index.engines.protocol import NO_ROW

ENGINES = [BruteForceEngine, FaissEngine]


def unit(seed: int, count: int, dimension: int = 16) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.__name__)
def engine_type(request):
    return request.param


def test_a_vector_finds_itself_first(engine_type):
    vectors = unit(0, 50)
    scores, rows = engine_type.build(vectors).search(vectors, 3)
    assert rows[:, 0].tolist() == list(range(50))
    assert np.allclose(scores[:, 0], 1, atol=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_saved_and_opened_it_answers_the_same(engine_type, tmp_path):
    vectors, queries = unit(1, 40), unit(2, 5)
    built = engine_type.build(vectors)
    built.save(tmp_path / "engine")
    opened = engine_type.open(tmp_path / "engine", built.stats().spec)
    for mine, theirs in zip(built.search(queries, 7), opened.search(queries, 7), strict=True):
        assert np.array_equal(mine, theirs)
    assert opened.stats() == built.stats()
    assert np.allclose(opened.vectors(np.array([5, 2])), vectors[[5, 2]], atol=1e-6)


def test_a_filter_acts_inside_the_search(engine_type):
    vectors = unit(3, 1000)
    allow = np.array([7, 500, 998])
    scores, rows = engine_type.build(vectors).search(unit(4, 4), 3, allow)
    assert {*rows.ravel().tolist()} == {7, 500, 998}
    assert np.isfinite(scores).all()


def test_where_there_are_fewer_the_rest_is_marked(engine_type):
    vectors = unit(5, 3)
    for allow, expected in ((None, 3), (np.array([1]), 1), (np.array([], np.int64), 0)):
        scores, rows = engine_type.build(vectors).search(unit(6, 2), 5, allow)
        assert scores.shape == rows.shape == (2, 5)
        assert (rows != NO_ROW).sum(axis=1).tolist() == [expected] * 2
        assert np.isneginf(scores[rows == NO_ROW]).all()


def test_an_empty_engine_answers_nothing(engine_type, tmp_path):
    empty = engine_type.build(np.empty((0, 16), np.float32))
    empty.save(tmp_path / "engine")
    _, rows = engine_type.open(tmp_path / "engine", empty.stats().spec).search(unit(7, 1), 2)
    assert rows.tolist() == [[NO_ROW, NO_ROW]]


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 80),
    k=st.integers(1, 20),
    allow=st.none() | st.sets(st.integers(0, 79)),
)
def test_two_engines_agree(seed, count, k, allow):
    vectors, queries = unit(seed, count), unit(seed + 1, 3)
    rows = None if allow is None else np.array(sorted(row for row in allow if row < count), np.int64)
    answers = [engine.build(vectors).search(queries, k, rows) for engine in ENGINES]
    assert np.array_equal(answers[0][1], answers[1][1])
    assert np.allclose(answers[0][0], answers[1][0], atol=1e-5)
