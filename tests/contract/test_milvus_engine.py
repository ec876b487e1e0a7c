"""What an engine on a server promises beyond the contract: conditions, rows that are gone, and never a part of it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.engines import tuning
from index.engines.brute_force import BruteForceEngine
from index.engines.milvus import spec
from index.engines.protocol import NO_ROW, FilteringEngine
from index.engines.row_fields import AFTER_ALL, Condition, token
from index.errors import EngineUnavailable, GenerationError
from tests import milvus

pytestmark = pytest.mark.slow

COUNT, WIDE, ADDED = 6000, 24, 60
GONE = np.arange(5, COUNT, 30)


def unit(seed, count, dimension=WIDE):
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS = unit(1, COUNT + ADDED)
PRESENT = np.setdiff1d(np.arange(COUNT + ADDED), GONE)


@pytest.fixture(scope="module")
def graph(milvus_server):
    """A graph of all but the last rows, and its recall."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (spec, tuning):
            patched.setattr(module, "EXACT_BELOW", 1000)
        return milvus.writer(milvus_server, WIDE).build(milvus.source_of(VECTORS[:COUNT]), 0.95)


@pytest.fixture(scope="module")
def engine(milvus_server, graph):
    """The same after a night: some rows are gone, and others are new."""
    writing = milvus.writer(milvus_server, WIDE)
    return writing.extend(graph[0], np.arange(COUNT), milvus.source_of(VECTORS, PRESENT))


def allowed_by(condition):
    return np.array([row for row in PRESENT if condition.allows(milvus.fields_of(row), f"{row:064x}")], np.int64)


CONDITIONS = st.builds(
    Condition,
    st.lists(
        st.lists(
            st.sampled_from(
                [token("brand", f"b{n}") for n in range(8)] + [token("country", f"c{n}") for n in range(3)]
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
        max_size=2,
    ).map(tuple),
    st.none() | st.integers(736_995, 737_105),
    st.none() | st.integers(737_995, 738_105),
    st.lists(st.integers(0, COUNT).map(lambda row: f"{row:064x}") | st.just('x" or true'), max_size=3).map(tuple),
)


def test_a_night_adds_a_segment_and_leaves_the_others(graph, engine):
    assert len(graph[0].segments) == 2
    assert engine.segments[:2] == graph[0].segments
    assert [segment.rows for segment in engine.segments[2:]] == [ADDED]
    assert engine.stats().count == len(PRESENT)
    assert isinstance(engine, FilteringEngine)
    assert graph[1] >= 0.95
    assert engine.stats().spec.startswith("milvus HNSW32;ef=")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=CONDITIONS, k=st.integers(1, 300), seed=st.integers(0, 1000))
def test_conditions_allow_the_right_rows_and_as_many_as_there_are(engine, condition, k, seed):
    queries, allowed = unit(seed + 100, 3), allowed_by(condition)
    scores, rows = engine.search_where(queries, k, condition)
    expected = min(k, len(allowed))
    assert np.isin(rows[:, :expected], allowed).all()
    assert (rows[:, expected:] == NO_ROW).all()
    assert (np.diff(scores[:, :expected], axis=1) <= 0).all()
    right_scores, right = BruteForceEngine.build(VECTORS).search(queries, k, allowed)
    for place, query in enumerate(queries):
        assert len(set(rows[place, :expected].tolist())) == expected, "no row twice"
        assert np.allclose(scores[place, :expected], VECTORS[rows[place, :expected]] @ query, rtol=0, atol=1e-6)
    if 0 < len(allowed) <= COUNT // 20:
        assert np.allclose(scores[:, :expected], right_scores[:, :expected], rtol=0, atol=1e-6), "narrow: exactly"
    elif expected:
        found = [np.isin(right[place, :expected], rows[place]).mean() for place in range(len(queries))]
        assert np.mean(found) >= 0.9


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.sampled_from([0.001, 0.1, 0.5, 1.0]), k=st.integers(1, 50), seed=st.integers(0, 1000))
def test_listed_rows_are_found_but_not_those_that_are_gone(engine, share, k, seed):
    random = np.random.default_rng(seed)
    listed = np.sort(random.choice(COUNT + ADDED, max(1, round(share * COUNT)), replace=False)).astype(np.int64)
    _, rows = engine.search(unit(seed, 2), k, listed)
    passing = np.intersect1d(listed, PRESENT)
    assert ((rows != NO_ROW).sum(axis=1) == min(k, len(passing))).all()
    assert np.isin(rows[rows != NO_ROW], passing).all()


def test_where_the_graph_falls_short_all_rows_are_compared(engine, monkeypatch):
    """The graph is made to find nothing beyond its first few."""
    ask = type(engine)._ask

    def forgetful(self, segment, queries, k, condition):
        scores, rows = ask(self, segment, queries, k, condition)
        scores[:, 3:], rows[:, 3:] = -np.inf, NO_ROW
        return scores, rows

    monkeypatch.setattr(type(engine), "_ask", forgetful)
    queries = unit(5, 2)
    for condition in (None, Condition(((token("brand", "b1"),),))):
        allowed = PRESENT if condition is None else allowed_by(condition)
        _, rows = engine.search_where(queries, 40, condition)
        assert np.array_equal(rows, BruteForceEngine.build(VECTORS).search(queries, 40, allowed)[1])


def test_many_small_segments_are_merged_and_their_gone_rows_left_out(milvus_server, monkeypatch):
    pytest.importorskip("pymilvus")
    from index.engines.milvus import building

    monkeypatch.setattr(building, "MAX_SMALL", 2)
    writing = milvus.writer(milvus_server, WIDE)
    engine, former = writing.build(milvus.source_of(VECTORS[:40]), 1)[0], np.arange(40)
    for count in (50, 60, 70):
        present = np.setdiff1d(np.arange(count), [1, 2, count - 15])
        engine, former = writing.extend(engine, former, milvus.source_of(VECTORS, present)), present
    assert [segment.rows for segment in engine.segments] == [67]
    assert len(engine.gone) == 0
    queries = unit(6, 3)
    assert np.array_equal(
        engine.search(queries, 100)[1][:, :67], BruteForceEngine.build(VECTORS).search(queries, 67, former)[1]
    )
    assert np.array_equal(engine.vectors(np.array([69, 0])), VECTORS[[69, 0]])


def test_rows_of_a_token_are_left_out_of_a_segment_written_anew(milvus_server):
    writing = milvus.writer(milvus_server, WIDE)
    engine = writing.build(milvus.source_of(VECTORS[:50]), 1)[0]
    left, removed = writing.without(engine.segments[0], [token("forget", "3"), token("forget", "9")], "FLAT")
    assert removed.tolist() == [6, 7, 18, 19]
    assert left.rows == 46
    assert writing.without(engine.segments[0], [token("forget", "99")], "FLAT")[0] is engine.segments[0]
    none, _ = writing.without(left, [token("country", f"c{n}") for n in range(3)], "FLAT")
    assert none is None


def test_a_segment_that_differs_from_what_was_written_is_refused(milvus_server, tmp_path):
    engine = milvus.writer(milvus_server, WIDE).build(milvus.source_of(VECTORS[:30]), 1)[0]
    engine.prove()
    engine.save(tmp_path / "x")
    on_milvus = milvus.OnMilvus(milvus_server)
    (segment,) = engine.segments
    for changed, message in (
        (replace(segment, sha256="0" * 64), "or others"),
        (replace(segment, rows=31), "has 30 rows"),
        (replace(segment, name="traceobject_other"), "no traceobject_other"),
    ):
        engine.segments = (changed,)
        engine.save(tmp_path / "x")
        with pytest.raises(GenerationError, match=message):
            on_milvus.open(tmp_path / "x", "milvus FLAT").prove()


def test_a_segment_that_was_dropped_or_released_is_noticed(milvus_server, tmp_path):
    engine = milvus.writer(milvus_server, WIDE).build(milvus.source_of(VECTORS[:30]), 1)[0]
    engine.save(tmp_path / "x")
    name, on_milvus = engine.segments[0].name, milvus.OnMilvus(milvus_server)
    with engine.connection.client() as client:
        client.release_collection(name)
    with pytest.raises(EngineUnavailable, match="is not ready"):
        engine.search(VECTORS[:1], 3)
    with pytest.raises(EngineUnavailable, match="is not ready"):
        engine.require_searchable()
    # Whoever opens it has it loaded.
    assert on_milvus.open(tmp_path / "x", "milvus FLAT").search(VECTORS[:1], 1)[1].tolist() == [[0]]
    with engine.connection.client() as client:
        client.drop_collection(name)
    with pytest.raises(GenerationError, match=name):
        engine.search(VECTORS[:1], 3)


@contextmanager
def searching(engine, expected):
    """Search without a pause; gives what was answered wrongly, and the errors."""
    wrong, errors, answers, stop = [], [], [], threading.Event()

    def search():
        while not stop.is_set():
            try:
                rows = engine.search_where(VECTORS[PRESENT[:5]], 20, None)[1]
            except EngineUnavailable as error:
                errors.append(error)
                time.sleep(0.05)
            else:
                answers.append(time.monotonic())
                if [set(row) for row in rows.tolist()] != expected:
                    wrong.append(rows)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield wrong, errors, answers
    finally:
        stop.set()
        thread.join()


def test_after_a_crash_it_is_not_ready_until_all_is_loaded(milvus_server, graph, engine):
    exact = replace(engine.spec, ef=4096)
    engine = type(engine)(engine.connection, engine.segments, engine.gone, exact, WIDE)
    expected = [
        set(row) for row in BruteForceEngine.build(VECTORS).search(VECTORS[PRESENT[:5]], 20, PRESENT)[1].tolist()
    ]
    with searching(engine, expected) as (wrong, errors, answers):
        deadline = time.monotonic() + 30
        while not answers:
            assert time.monotonic() < deadline, errors[-1:]
            time.sleep(0.1)
        milvus_server.stop()
        milvus_server.start()
        started, deadline = time.monotonic(), time.monotonic() + 120
        while answers[-1] < started:
            assert time.monotonic() < deadline, errors[-1:]
            time.sleep(0.1)
        answered = len(answers)
        while len(answers) < answered + 5:
            time.sleep(0.1)
    assert wrong == []
    assert errors
    assert all("is not ready" in str(error) for error in errors)


def test_vectors_are_those_that_were_written_and_none_of_other_rows(engine):
    rows = np.array([COUNT + ADDED - 1, 3, 0, COUNT // 2, COUNT])
    assert np.array_equal(engine.vectors(rows), VECTORS[rows])
    with pytest.raises(EngineUnavailable, match="no segment has row"):
        engine.vectors(np.array([0, COUNT + ADDED]))


def test_unknown_days_pass(engine):
    early = Condition(last_after=AFTER_ALL - 1)
    assert set(engine.search_where(VECTORS[:1], COUNT, early)[1].ravel()) - {NO_ROW} == {
        row for row in PRESENT.tolist() if row % 13 == 0
    }
