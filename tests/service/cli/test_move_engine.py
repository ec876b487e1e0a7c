"""`traceobject move --engine`: vectors to a server and back, whatever interrupts it; and what it refuses."""

import random
import sys
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
import pytest

from index.engines import choice, tuning, writing
from index.engines.milvus import spec
from index.generations import generations, layout
from index.generations.generations import open_generation
from index.generations.manifest import Manifest
from index.generations.segments import prefix
from index.jobs import move_engine as module
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import SETTINGS, Workspace
from service.app.move import move
from tests.crashes import Crash, RandomCrashes
from tests.databases import copied
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.milvus import on_server
from tests.moving import answers, check_replay, files, made_in, rows, run

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return made_in(tmp_path_factory.mktemp("original"))


@pytest.fixture
def workspace(original, tmp_path):
    return copied(original, tmp_path / "workspace")


def is_remote(workspace, number):
    manifest = Manifest.read(generations.folder_of(workspace, number))
    (remote,) = {part.is_remote for part in manifest.collections.values()}
    return remote


def segments(workspace, number):
    with closing(open_generation(workspace, number)) as generation:
        return [segment.name for segment in generation.engine("catalogue").segments]


def check_answers(workspace, expected):
    """The same entries in the same order, with the same scores."""
    for found, wanted in zip(answers(workspace), expected, strict=True):
        assert [one[:2] for one in found] == [one[:2] for one in wanted]
        assert [one[2] for one in found] == pytest.approx([one[2] for one in wanted], abs=1e-5)


@slow
def test_there_and_back(workspace, milvus_server):
    before, kept, settings = rows(workspace), files(workspace.root), (workspace.root / SETTINGS).read_bytes()
    expected, head = answers(workspace), check_replay(workspace)
    said = run(workspace, "--engine", milvus_server.url)
    total = sum(part.rows for n in (1, 2) for part in manifest_of(workspace, n).collections.values())
    assert f"moved the vectors of 2 generations, {total} rows, each compared there" in said
    there = Workspace.open(workspace.root)
    assert there.settings.engine == milvus_server.url
    assert all(is_remote(there, number) for number in (1, 2))
    assert not list(there.generations.rglob("*.index"))
    assert rows(there) == before
    check_answers(there, expected)
    assert check_replay(there) == head
    # Both have the first one's rows, which were written once.
    assert segments(there, 2)[0] == segments(there, 1)[0]
    named = prefix(there)
    assert on_server(milvus_server.url, named) >= {*segments(there, 1), *segments(there, 2)}
    assert "all of that is there already" in run(there, "--engine", milvus_server.url)
    with there.lock("rollback"):
        assert generations.rollback(there) == 1
        assert generations.rollback(there, 2) == 2
    run(there, "--engine", "folder")
    back = Workspace.open(workspace.root)
    assert (back.root / SETTINGS).read_bytes() == settings
    assert rows(back) == before
    assert files(back.root) == kept
    assert (answers(back), check_replay(back)) == (expected, head)
    assert on_server(milvus_server.url, named) == set()
    assert not (back.root / "engine.name").exists()
    assert "all of that is there already" in run(back, "--engine", "folder")


def manifest_of(workspace, number):
    return Manifest.read(generations.folder_of(workspace, number))


@slow
def test_rows_that_nights_there_left_out_stay_left_out_in_files(workspace, milvus_server, tmp_path):
    run(workspace, "--engine", milvus_server.url)
    there = Workspace.open(workspace.root)
    feed = write_feed(tmp_path / "fourth", [{"product_id": name} for name in ("U", "V", "W")], [400, 401, 402])
    add_feed(there, "fourth", "catalogue", feed)
    assert reindex(there, ColourEncoder(), Unwatched()).published
    write_feed(tmp_path / "fourth", [{"product_id": name} for name in ("U", "W", "X")], [400, 402, 403])
    settings = replace(there.settings, max_fall=1.0, keep_generations=4)
    there = Workspace(there.root, settings)
    assert reindex(there, ColourEncoder(), Unwatched()).published
    expected, listed = answers(there), views(there, 4)
    assert max(listed) >= len(listed), "a row is missing"
    run(there, "--engine", "folder")
    back = Workspace.open(workspace.root)
    assert views(back, 4) == listed
    check_answers(back, expected)
    assert not any(is_remote(back, number) for number in (1, 2, 3, 4))
    with closing(open_generation(back, 4)) as generation:
        engine = generation.engine("catalogue")
        found = engine.search(engine.vectors(np.array([0])), 100)[1]
        assert {row for row in found[0].tolist() if row >= 0} == set(listed)


def views(workspace, number):
    with closing(open_generation(workspace, number)) as generation:
        return {view.row: (view.image, view.region) for view in generation.records.all_views("catalogue")}


@slow
def test_a_graph_with_a_layer_of_recent_rows_goes_and_comes_back_as_a_graph(milvus_server, tmp_path, monkeypatch):
    for module_ in (choice, layout, spec, tuning, writing):
        monkeypatch.setattr(module_, "EXACT_BELOW", 100)
    made = Workspace.create(tmp_path / "workspace", "colour-64", self_test_products=0)
    # Of so few neighbours one is a hundredth.
    workspace = Workspace(made.root, replace(made.settings, recall_target=0.9))
    module._write_settings(workspace)
    for count in (120, 124):
        products = [{"product_id": f"P{number}"} for number in range(count)]
        add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", products, range(count)))
        assert reindex(workspace, ColourEncoder(), Unwatched()).published
    part = manifest_of(workspace, 2).collections["catalogue"]
    assert (part.base, part.spec[:4]) == (120, "HNSW")
    listed = views(workspace, 2)

    def check(current):
        assert views(current, 2) == listed
        with closing(open_generation(current, 2)) as generation:
            engine, every = generation.engine("catalogue"), np.array(sorted(listed))
            found = engine.search(engine.vectors(every), 1)[1][:, 0]
        assert np.mean(found == every) > 0.95
        return manifest_of(current, 2).collections["catalogue"]

    ticks = []
    move(workspace, None, None, Counted(ticks), milvus_server.url)
    assert sum(ticks) == 244
    there = Workspace.open(workspace.root)
    part = check(there)
    assert part.spec.startswith("milvus HNSW32;ef=")
    assert part.recall >= 0.9
    assert segments(there, 2)[: len(segments(there, 1))] == segments(there, 1)
    move(there, None, None, Unwatched(), "")
    part = check(Workspace.open(workspace.root))
    assert (part.base, part.spec[:4]) == (0, "HNSW")


class Counted(Unwatched):
    """Progress whose ticks are kept."""

    def __init__(self, ticks):
        self._ticks = ticks

    @contextmanager
    def step(self, name, total=None):
        assert (name, total) == ("vectors", 244)
        yield self._ticks.append


@slow
@pytest.mark.parametrize("seed", range(2))
def test_whatever_interrupts_it_it_answers_and_the_next_run_completes_it(workspace, milvus_server, monkeypatch, seed):
    kept, expected, chance, crashes = files(workspace.root), answers(workspace), random.Random(seed), 0
    crash = RandomCrashes(monkeypatch, chance)
    from index.engines.milvus import building

    for holder, name in ((building, "write_segment"), (module, "_prepare"), (module, "_write_settings"),
                         (generations, "seal"), (generations, "replace_by"), (generations, "exchange"),
                         (module, "drop_unused")):  # fmt: skip
        crash.may_happen_in(holder, name)
    for url in (milvus_server.url, ""):
        while True:
            crash.left = chance.randrange(1, 12)
            try:
                move(Workspace.open(workspace.root), None, None, Unwatched(), url)
                break
            except Crash:
                crashes += 1
                check_answers(Workspace.open(workspace.root), expected)
        crash.left = 0
        assert Workspace.open(workspace.root).settings.engine == url
        assert {is_remote(Workspace.open(workspace.root), number) for number in (1, 2)} == {bool(url)}
        check_answers(Workspace.open(workspace.root), expected)
    assert crashes
    assert files(workspace.root) == kept


def prepare_and_crash(workspace, url, monkeypatch):
    """A move that dies when all is prepared."""
    with monkeypatch.context() as patched:
        patched.setattr(module, "_write_settings", lambda _: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            move(workspace, None, None, Unwatched(), url)


@slow
def test_what_was_forgotten_between_two_runs_is_not_there(workspace, milvus_server, monkeypatch):
    prepare_and_crash(workspace, milvus_server.url, monkeypatch)
    prepared = (workspace.generations / ".moving-1" / "manifest.json").read_bytes()
    forget(workspace, find_entry(workspace, "catalogue", "T"))
    (workspace.generations / ".moving-1").mkdir(exist_ok=True)
    (workspace.generations / ".moving-1" / "manifest.json").write_bytes(prepared)
    expected = answers(workspace)
    assert not any(one[1] == "T" for answer in expected for one in answer)
    run(workspace, "--engine", milvus_server.url)
    check_answers(Workspace.open(workspace.root), expected)


@slow
def test_what_was_prepared_is_written_again_only_where_it_changed(workspace, milvus_server, monkeypatch):
    from index.engines.milvus import building

    prepare_and_crash(workspace, milvus_server.url, monkeypatch)
    written = []
    write = building.write_segment
    monkeypatch.setattr(building, "write_segment", lambda *all_: written.append(all_[1]) or write(*all_))
    there = Workspace(workspace.root, replace(workspace.settings, engine=milvus_server.url))
    before = on_server(milvus_server.url, prefix(there))
    assert before
    run(workspace, "--engine", milvus_server.url)
    assert written == []
    assert on_server(milvus_server.url, prefix(there)) == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "needs milvus://host:port"),
        ("milvus://", "needs milvus://host:port"),
        ("milvus://root:secret@host", "engine names a password"),
        ("milvus://host/a-b", "needs milvus://host:port"),
        ("milvus://127.0.0.1:9", "the engine at 127.0.0.1:9 is not ready"),
    ],
)
def test_an_engine_that_cannot_be_used_is_refused(workspace, url, said):
    if "is not ready" in said:
        pytest.importorskip("pymilvus")
    before = (workspace.root / SETTINGS).read_bytes()
    output = run(workspace, "--engine", url, status=1)
    assert said in output
    assert "secret" not in output
    assert (workspace.root / SETTINGS).read_bytes() == before


def test_without_its_library_the_move_says_what_to_install(workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "index.generations.remote_engine", None)
    assert "pip install 'traceobject[milvus]'" in run(workspace, "--engine", "milvus://127.0.0.1:9", status=1)


def test_from_one_server_to_another_it_goes_by_files(workspace):
    settings = replace(workspace.settings, engine="milvus://one:19530")
    moved = Workspace(workspace.root, settings)
    module._write_settings(moved)
    said = run(moved, "--engine", "milvus://two:19530", status=1)
    assert "the vectors are on milvus://one:19530: move them into files first (--engine folder)" in said
