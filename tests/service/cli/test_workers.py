"""`traceobject reindex --workers`: what a night on workers gives and reports, and what it says where it cannot run."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from contextlib import contextmanager

from embedding.encoders import choose
from embedding.image.regions import WHOLE
from index.records.catalogue import Catalogue
from index.sources.copying import Original
from index.stores.vectors import VectorStore
from index.workers.in_process import InProcess
from index.workers.ray_task import code_digest
from index.workers.staging import Staging
from index.workspace import Workspace
from service.cli.main import main
from service.reports.run_history import RunHistory
from tests.fake_ray import FakeRay, imitate
from tests.fakes import ColourEncoder, add_feed, write_feed


@pytest.fixture(autouse=True)
def colour_model(monkeypatch):
    """The small encoder instead of a network's weights; local features and text have tests of their own."""
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("index.models.choose", lambda: (ColourEncoder(), choose.Choice("colour-64", "took colour-64")))
    monkeypatch.setattr("service.cli.reindex.reranker_for", lambda workspace: None)
    monkeypatch.setattr("service.cli.reindex.text_reader_for", lambda workspace: None)


@pytest.fixture
def imitated(monkeypatch):
    """Ray, imitated in this process."""
    fake = FakeRay()

    @contextmanager
    def open_imitated(where, objects, say):
        assert where in ("", "ray://head:10001")
        yield imitate(fake, monkeypatch, Staging(objects), say) if where else InProcess()

    monkeypatch.setattr("service.cli.reindex.open_workers", open_imitated)
    return fake


def call(folder, *arguments):
    return CliRunner().invoke(main, ["--workspace", str(folder), *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def made(tmp_path):
    """A function that makes a workspace with forty products, one of whose pictures is broken, and an object."""
    rows = [{"product_id": f"p{n}", "title": f"Mug {n}"} for n in range(40)]
    feed = write_feed(tmp_path / "shop", rows, list(range(40)))
    (tmp_path / "shop" / "pictures" / "17.png").write_bytes(b"no picture")
    crops = write_feed(tmp_path / "list", [{"object_id": "E-1", "status": "open"}], [900])

    def make(name):
        folder = tmp_path / name
        assert call(folder, "init").exit_code == 0
        workspace = Workspace.open(folder)
        add_feed(workspace, "shop", "catalogue", feed)
        add_feed(workspace, "Europol", "objects", crops)
        return folder

    return make


def vectors(folder):
    workspace = Workspace.open(folder)
    with Catalogue.open(workspace.database_url) as catalogue:
        images = catalogue.images()
    store = VectorStore.open(workspace.objects, ColourEncoder().card)
    return images, store.get(store.rows_of(images, WHOLE))


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_a_night_on_workers_is_a_night_on_one_machine(made, imitated, tmp_path, where):
    one, many = made("one"), made("many")
    for folder in (one, many) if where == "bucket" else ():
        path = folder / "traceobject.toml"
        path.write_text(
            path.read_text().replace('objects = ""', f'objects = "file://{tmp_path}/objects-of-{folder.name}"')
        )
    # A picture that two sources show is decoded for the first.
    for folder in (one, many):
        rows = [{"product_id": "again"}]
        add_feed(Workspace.open(folder), "other", "catalogue", write_feed(tmp_path / "other", rows, [3]))
    alone = call(one, "reindex", "--json")
    shared = call(many, "reindex", "--workers", "ray://head:10001", "--json")
    copied = [item.before.reference for *_, items in imitated.sent for item in items if isinstance(item, Original)]
    assert len(copied) == 41
    assert alone.exit_code == shared.exit_code == 3
    expected, found = json.loads(alone.stdout), json.loads(shared.stdout)
    assert [*found.pop("seconds")] == [*expected.pop("seconds")]
    assert found == expected
    assert "17.png" in shared.stderr
    assert "refused" in shared.stderr
    assert vectors(one)[0] == vectors(many)[0]
    assert np.array_equal(vectors(one)[1], vectors(many)[1])
    steps = [json.loads(line)["step"] for line in shared.stderr.splitlines() if line.startswith('{"step"')]
    assert steps == [json.loads(line)["step"] for line in alone.stderr.splitlines() if line.startswith('{"step"')]
    again = call(many, "reindex", "--workers", "ray://head:10001")
    assert "nothing changed" in again.stdout


@pytest.mark.parametrize("where", ["head:10001", "http://head:1", "0", "many"])
def test_what_names_no_workers_is_wrong_use(made, where):
    result = call(made("workspace"), "reindex", "--workers", where)
    assert result.exit_code == 2
    assert "ray://HOST:PORT" in result.stderr


def test_a_cluster_that_cannot_be_reached_fails_the_run_and_is_recorded(made, monkeypatch):
    from index.workers import ray_workers

    def refuse(**options):
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(ray_workers.ray, "init", refuse)
    folder = made("workspace")
    result = call(folder, "reindex", "--workers", "ray://nowhere:10001")
    assert result.exit_code == 1
    assert "Ray cannot be reached or started (ray://nowhere:10001): ray client connection timeout" in result.stderr
    (record,) = RunHistory.of(Workspace.open(folder)).records()
    assert (record.outcome, "ray://nowhere:10001" in record.error) == ("failed", True)


def test_without_ray_it_says_what_to_install(made, monkeypatch):
    monkeypatch.delitem(sys.modules, "index.workers.ray_workers", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    result = call(made("workspace"), "reindex", "--workers", "2")
    assert result.exit_code == 1
    assert "pip install 'traceobject[ray]'" in result.stderr


def test_a_worker_of_another_version_fails_the_run_and_nothing_is_lost(made, imitated, monkeypatch):
    folder = made("workspace")
    monkeypatch.setattr("index.workers.ray_task.code_digest", lambda: "other")
    result = call(folder, "reindex", "--workers", "ray://head:10001")
    assert result.exit_code == 1
    assert "differs from the one where the job was started" in result.stderr
    monkeypatch.setattr("index.workers.ray_task.code_digest", code_digest)
    again = call(folder, "reindex", "--workers", "ray://head:10001")
    assert "generation 1 published; 40 pictures embedded" in again.stdout
