"""A workspace whose vectors are on a Milvus server: nights, searches meanwhile, rollback, replay, forgetting."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from embedding.errors import TraceObjectError
from embedding.image.regions import WHOLE
from index.engines.milvus.spec import is_milvus
from index.errors import EngineUnavailable, GenerationError, WorkspaceError
from index.generations import conditions, generations
from index.generations.generations import open_live
from index.generations.manifest import Manifest
from index.generations.segments import drop_unused, prefix
from index.jobs.forget import find_entry, find_source, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.stores.vectors import VectorStore
from index.workspace import Workspace
from tests import milvus
from tests.fakes import ColourEncoder, add_feed, render, write_feed

pytestmark = pytest.mark.slow

ENCODER = ColourEncoder()
SECRET = "forget-me-4711"


class Shop:
    """A workspace on a server; its feed changes at every delivery."""

    def __init__(self, root, url):
        self.root = root
        made = Workspace.create(root / "workspace", ENCODER.card.name)
        self.workspace = replace(made, settings=replace(made.settings, engine=url, recall_target=1.0))
        self.workspace._write_settings()

    def publish(self, seeds, brand="Luma"):
        rows = [{"product_id": f"P{seed}", "title": f"T{seed}", "brand": f"{brand}{seed % 2}"} for seed in seeds]
        add_feed(self.workspace, "shop", "catalogue", write_feed(self.root / "shop", rows, seeds))
        report = reindex(self.workspace, ENCODER, Unwatched())
        assert report.published, report
        return report.generation

    def first(self, seed, *filters, limit=3):
        query = Query((QueryImage(render(seed)),), filters=tuple(map(Filter.parse, filters)), limit=limit)
        with closing(open_live(self.workspace)) as generation:
            return [one.entry.fields.entry_id for one in search(query, generation, ENCODER).candidates]

    def part(self, number):
        return Manifest.read(self.workspace.generations / str(number)).collections["catalogue"]

    def segments(self, number):
        with closing(generations.open_generation(self.workspace, number)) as generation:
            return [segment.name for segment in generation.engine("catalogue").segments]

    def on_server(self):
        return milvus.on_server(self.workspace.settings.engine, prefix(self.workspace))


@pytest.fixture
def shop(tmp_path, milvus_server):
    return Shop(tmp_path, milvus_server.url)


def test_nights_add_segments_and_old_ones_are_dropped(shop):
    assert shop.publish(range(8)) == 1
    assert shop.part(1).rows == 8
    assert is_milvus(shop.part(1).spec)
    (base,) = shop.segments(1)
    # Nothing but what is new is written.
    assert shop.publish(range(9)) == 2
    assert shop.segments(2)[0] == base
    assert len(shop.segments(2)) == 2
    assert shop.first(8)[0] == "P8"
    assert sorted(shop.first(3, limit=20)) == [f"P{seed}" for seed in range(9)]
    # What an entry is filtered by has changed: its rows are others.
    assert shop.publish(range(9), brand="Nova") == 3
    assert set(shop.first(3, "brand=nova1", limit=9)) == {"P1", "P3", "P5", "P7"}
    assert shop.first(3, "brand=luma1", limit=9) == []
    kept = {name for number in (1, 2, 3) for name in shop.segments(number)}
    assert shop.on_server() == kept
    # Whatever only the first generation had goes with it.
    assert shop.publish(range(10), brand="Nova") == 4
    assert base not in {name for number in (3, 4) for name in shop.segments(number)}
    assert shop.on_server() == {name for number in (2, 3, 4) for name in shop.segments(number)}

    assert generations.rollback(shop.workspace) == 3
    assert "P9" not in shop.first(9, limit=20)
    assert generations.rollback(shop.workspace, 2) == 2
    assert set(shop.first(3, "brand=luma1", limit=9)) == {"P1", "P3", "P5", "P7"}


def test_an_entry_of_more_values_than_a_row_keeps_is_found_by_each(shop, monkeypatch):
    """Also after the row was copied into another segment. So few are kept here, because a feed's field has a limit."""
    monkeypatch.setattr(conditions, "_MAX_TOKENS", 64)
    brands = [f"brand {number}" for number in range(200)]
    rows = [{"product_id": "many", "brand": " | ".join(brands), "country": "NL"}, {"product_id": "one", "brand": "x"}]
    add_feed(shop.workspace, "wide", "catalogue", write_feed(shop.root / "wide", rows, (50, 51)))
    shop.publish(range(4))

    def check():
        for brand in (brands[0], brands[63], brands[64], brands[130], brands[-1]):
            assert shop.first(50, f"brand={brand}") == ["many"]
            assert shop.first(50, f"brand={brand}", "country=NL") == ["many"]
            assert shop.first(50, f"brand={brand}", "country=DE") == []
        assert sorted(shop.first(50, "brand=brand 199", "brand=luma1", limit=9)) == ["P1", "P3", "many"]
        assert shop.first(50, "brand=brand 200") == []

    check()
    assert len(shop.first(50, limit=9)) == 6
    forget(shop.workspace, find_entry(shop.workspace, "catalogue", "one"))
    check()
    forget(shop.workspace, find_entry(shop.workspace, "catalogue", "many"))
    assert shop.first(50, f"brand={brands[-1]}") == []


def test_what_a_crash_left_is_dropped_by_the_next_job(shop, monkeypatch):
    shop.publish(range(4))
    before = shop.on_server()
    with monkeypatch.context() as broken:
        broken.setattr(generations, "seal", lambda *_: 1 / 0)
        broken.setattr(generations, "clear_unfinished", lambda _: None)
        with pytest.raises(ZeroDivisionError):
            shop.publish(range(5))
    assert shop.on_server() > before
    drop_unused(shop.workspace)
    assert shop.on_server() > before, "the folder is still there, so it might be in use"
    generations.clear_unfinished(shop.workspace)
    assert shop.on_server() == before


def test_another_workspace_on_the_server_is_left_alone(shop, milvus_server, tmp_path):
    other = Shop(tmp_path / "other", milvus_server.url)
    other.publish(range(3))
    theirs = other.on_server()
    shop.publish(range(3))
    drop_unused(shop.workspace)
    assert other.on_server() == theirs
    assert not theirs & shop.on_server()


def test_searches_go_on_while_generations_are_published_and_rolled_back(shop):
    shop.publish(range(6))
    wrong, errors, count, stop = [], [], [0], threading.Event()

    def searches():
        while not stop.is_set():
            try:
                with closing(open_live(shop.workspace)) as generation:
                    for seed in range(6):
                        query = Query((QueryImage(render(seed)),))
                        found = search(query, generation, ENCODER).candidates[0].entry.fields.entry_id
                        count[0] += 1
                        if found != f"P{seed}":
                            wrong.append((seed, found))
            except TraceObjectError as error:
                errors.append(error)

    threads = [threading.Thread(target=searches) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for more in (7, 8, 9):
            shop.publish(range(more))
        generations.rollback(shop.workspace)
        answered = count[0]
        while count[0] < answered + 10 and not errors:
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert (wrong, errors) == ([], [])


def needles_of(workspace, entry_id):
    """The bytes that must not be found on the server: the hash of its picture, and its vector."""
    with closing(open_live(workspace)) as generation:
        images = {image for entry in generation.records.find("catalogue", entry_id) for image in entry.images}
    needles = [image.encode() for image in images]
    for store in VectorStore.all(workspace.objects):
        rows = store.rows_of(sorted(images), WHOLE)
        needles += [vector.astype(np.float32).tobytes() for vector in store.get(rows[rows >= 0])]
    assert len(needles) == 2 * len(images)
    return needles


def files_with(server, needles):
    """The server's files that have one of some bytes, but for those of its message queue."""
    found = []
    for path in server.data.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        if any(needle in content for needle in needles):
            found.append(path.relative_to(server.data).parts[0])
    return sorted(set(found) - {"rocksmq"})


def test_what_is_forgotten_leaves_every_segment(shop, milvus_server):
    """Also rows that the last generation does not use: the product had another picture in the first night."""
    rows = [{"product_id": name, "title": "t"} for name in ("a", SECRET, "b")]
    add_feed(shop.workspace, "private", "catalogue", write_feed(shop.root / "private", rows, (101, 102, 103)))
    shop.publish(range(4))
    needles = needles_of(shop.workspace, SECRET)
    add_feed(shop.workspace, "private", "catalogue", write_feed(shop.root / "private", rows, (101, 104, 103)))
    shop.publish(range(5))
    needles += needles_of(shop.workspace, SECRET)
    assert files_with(milvus_server, needles)
    before = {number: shop.segments(number) for number in (1, 2)}
    done = forget(shop.workspace, find_entry(shop.workspace, "catalogue", SECRET))
    assert done.generations == (1, 2)
    for number in (1, 2):
        with closing(generations.open_generation(shop.workspace, number)) as generation:
            engine = generation.engine("catalogue")
            engine.prove()
            assert engine.stats().count == shop.part(number).rows
            assert not generation.records.find("catalogue", SECRET)
    # The generations share what was written anew.
    assert shop.segments(2)[0] == shop.segments(1)[0] != before[1][0]
    assert shop.on_server() == {*shop.segments(1), *shop.segments(2)}
    assert shop.first(102)[0] != SECRET
    assert shop.first(3)[0] == "P3"
    deadline = time.monotonic() + 60
    while files_with(milvus_server, needles):
        assert time.monotonic() < deadline, files_with(milvus_server, needles)
        time.sleep(0.5)
    # The next night goes on from there.
    shop.publish(range(6))
    assert shop.first(5)[0] == "P5"
    assert SECRET not in shop.first(104, limit=20)


def test_a_forgotten_source_leaves_every_segment(shop):
    rows = [{"product_id": name, "title": "t"} for name in ("a", "b")]
    add_feed(shop.workspace, "private", "catalogue", write_feed(shop.root / "private", rows, (101, 102)))
    shop.publish(range(3))
    forget(shop.workspace, find_source(shop.workspace, "private"))
    assert sorted(shop.first(1, limit=9)) == ["P0", "P1", "P2"]
    assert shop.part(1).rows == 3


def test_without_the_server_nothing_is_lost_and_the_reason_is_told(shop, milvus_server):
    shop.publish(range(4))
    target = find_entry(shop.workspace, "catalogue", "P1")
    milvus_server.stop()
    try:
        with pytest.raises(EngineUnavailable, match="is not ready"):
            open_live(shop.workspace)
        with pytest.raises(EngineUnavailable, match="is not ready"):
            shop.publish(range(5))
        with pytest.raises(EngineUnavailable, match="is not ready"):
            forget(shop.workspace, target)
        without = replace(shop.workspace, settings=replace(shop.workspace.settings, engine=""))
        with pytest.raises(GenerationError, match="setting `engine`"):
            open_live(without)
        with pytest.raises(WorkspaceError, match="name the server"):
            forget(without, find_entry(without, "catalogue", "P2"))
    finally:
        milvus_server.start()
    assert generations.numbers(shop.workspace) == [1]
    deadline = time.monotonic() + 120
    while True:
        try:
            # It completes what was begun to be forgotten, first.
            report = reindex(shop.workspace, ENCODER, Unwatched())
            break
        except EngineUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert report.published
    assert set(shop.first(0, limit=9)) == {"P0", "P2", "P3", "P4"}


def test_a_workspace_moves_to_the_server_and_back(shop):
    url = shop.workspace.settings.engine
    shop.publish(range(5))
    on_server = shop.first(2, limit=5)
    shop.workspace = replace(shop.workspace, settings=replace(shop.workspace.settings, engine=""))
    report = reindex(shop.workspace, ENCODER, Unwatched(), full=True)
    assert not is_milvus(shop.part(report.generation).spec)
    assert shop.first(2, limit=5) == on_server
    shop.workspace = replace(shop.workspace, settings=replace(shop.workspace.settings, engine=url))
    assert generations.rollback(shop.workspace, 1) == 1
    assert shop.first(2, limit=5) == on_server
    reindex(shop.workspace, ENCODER, Unwatched(), full=True)
    assert shop.first(2, limit=5) == on_server
