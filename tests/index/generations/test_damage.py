"""Damage on the disk is noticed by the next re-index, reported and repaired."""

import os

import pytest

from index.errors import GenerationError, WorkspaceError
from index.generations import generations
from index.generations.generations import open_live
from index.generations.snapshot import Snapshot
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    feed = write_feed(tmp_path / "shop", [{"product_id": f"p{n}"} for n in range(5)], list(range(5)))
    add_feed(workspace, "shop", "catalogue", feed)
    run(workspace)
    return workspace


def run(workspace, **options):
    return reindex(workspace, ColourEncoder(), Unwatched(), **options)


def first(workspace, seed):
    answer = search(Query((QueryImage(render(seed)),)), open_live(workspace), ColourEncoder())
    return answer.candidates[0].entry.fields.entry_id


@pytest.mark.parametrize("name", ["catalogue.index", "objects.index", "records.sqlite", "manifest.json"])
@pytest.mark.parametrize("harm", ["missing", "cut", "changed"])
def test_a_damaged_live_generation_is_built_anew(workspace, name, harm):
    path = workspace.generations / "1" / name
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if harm == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    report = run(workspace)
    assert (report.generation, report.published, report.embedded) == (2, True, 0)
    assert "damaged" in report.warnings[0]
    assert first(workspace, 3) == "p3"
    assert run(workspace).warnings == ()


@pytest.mark.parametrize("text", ["", "seven", "99\n", "-1\n"])
def test_a_damaged_pointer_to_the_live_generation_is_replaced(workspace, text):
    workspace.current.write_text(text)
    report = run(workspace)
    assert report.published
    assert report.warnings
    assert first(workspace, 3) == "p3"


def test_a_lost_pointer_or_generation_is_built_anew(workspace):
    workspace.current.unlink()
    assert run(workspace).published
    live = workspace.generations / str(generations.live_number(workspace))
    live.rename(workspace.root / "moved")
    assert run(workspace).published
    assert first(workspace, 3) == "p3"


def test_damaged_embeddings_are_computed_again_before_a_build(workspace):
    path = next((workspace.root / "vectors").rglob("*.vectors"))
    with path.open("r+b") as file:
        file.seek(2 * 2 * 64)
        file.write(os.urandom(64))
    report = run(workspace, full=True)
    assert report.embedded == 1
    assert "1 stored embeddings were damaged" in report.warnings[0]
    assert all(first(workspace, seed) == f"p{seed}" for seed in range(5))
    assert run(workspace, full=True).warnings == ()


def test_a_copy_that_was_lost_or_damaged_is_made_again_when_another_model_needs_it(workspace):
    lost, damaged, *_ = sorted((workspace.root / "images").rglob("*.jpg"))
    damaged.write_bytes(b"no picture")
    report = reindex(workspace, ColourEncoder("colour-65"), Unwatched())
    assert (report.embedded, len(report.refused)) == (4, 1)
    again = reindex(workspace, ColourEncoder("colour-65"), Unwatched())
    assert (again.embedded, again.refused, again.published) == (1, (), True)
    lost.unlink()
    assert run(workspace, full=True).new_images == 1


def test_records_that_are_no_database_are_reported_in_one_error(workspace):
    for path in workspace.root.glob("catalogue.sqlite*"):
        path.unlink()
    (workspace.root / "catalogue.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(WorkspaceError, match="not a database"):
        run(workspace)
    assert first(workspace, 3) == "p3"


@pytest.mark.parametrize(
    "query",
    [
        lambda records: list(records.entries("catalogue")),
        lambda records: records.find("catalogue", "p3"),
        lambda records: records.views("catalogue", [0]),
        lambda records: records.images(),
        lambda records: records.has_image("a" * 64),
        lambda records: records.families(),
    ],
)
def test_unreadable_records_are_reported_in_one_error(workspace, query):
    records = open_live(workspace).records
    records.close()
    with pytest.raises(GenerationError, match=r"records\.sqlite cannot be read"):
        query(records)
    with pytest.raises(GenerationError, match="cannot be read"):
        Snapshot(workspace.root / "missing.sqlite")
