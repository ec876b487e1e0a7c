"""A pinned model is loaded on first use, and never replaced by another one."""

from dataclasses import replace

import numpy as np
import pytest

from embedding.errors import ModelUnavailable
from index import models
from index.errors import WorkspaceError
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.models import lazy_encoder
from index.progress import Unwatched
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed

SQUARE = np.zeros((1, 32, 32, 3), np.uint8)


@pytest.fixture
def loaded(monkeypatch):
    """The names of the models that were loaded; the registry knows the small encoder."""
    names = []

    def load(name):
        names.append(name)
        return ColourEncoder()

    monkeypatch.setattr(models, "load", load)
    monkeypatch.setattr(models.registry, "get", lambda name: replace(ColourEncoder().card, sha256=None))
    return names


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path / "workspace", "colour-64")


def night(workspace):
    workspace, encoder = lazy_encoder(Workspace.open(workspace.root), print)
    return reindex(workspace, encoder, Unwatched())


def test_a_night_on_which_nothing_changed_loads_no_model(workspace, tmp_path, loaded):
    rows = [{"product_id": f"p{n}"} for n in range(3)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, [1, 2, 3]))
    assert night(workspace).embedded == 3
    assert loaded == ["colour-64"]
    loaded.clear()
    assert not night(workspace).published
    assert loaded == []
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", [*rows, {"product_id": "p3"}], [1, 2, 3, 4]))
    assert night(workspace).embedded == 1
    assert loaded == ["colour-64"]


def test_it_is_loaded_once(workspace, loaded):
    workspace, encoder = lazy_encoder(workspace.pin_model("colour-64", ColourEncoder().card.sha256, "test"), print)
    for _ in range(3):
        encoder.encode_images(SQUARE)
    assert loaded == ["colour-64"]
    assert encoder.card == ColourEncoder().card


def test_other_weights_than_the_pinned_ones_are_refused_on_first_use(workspace, loaded):
    workspace, encoder = lazy_encoder(workspace.pin_model("colour-64", "ab" * 32, "test"), print)
    with pytest.raises(WorkspaceError, match="indexed with colour-64 abababababab"):
        encoder.encode_images(SQUARE)


def test_a_model_that_the_registry_does_not_know_is_loaded_at_once(workspace, loaded, monkeypatch):
    def unknown(name):
        raise ModelUnavailable("no such model")

    monkeypatch.setattr(models.registry, "get", unknown)
    lazy_encoder(workspace.pin_model("colour-64", ColourEncoder().card.sha256, "test"), print)
    assert loaded == ["colour-64"]


def test_a_move_to_another_model_is_pinned_when_it_is_published_and_not_before(workspace, tmp_path, monkeypatch):
    rows = [{"product_id": f"p{n}"} for n in range(3)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, [1, 2, 3]))
    workspace = workspace.pin_model("colour-64", ColourEncoder().card.sha256, "test")
    reindex(workspace, ColourEncoder(), Unwatched())

    def pinned():
        return Workspace.open(workspace.root).settings.model

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    for interrupted in ("index.jobs.reindex.build", "index.generations.generations.publish"):
        assert pinned() == "colour-64"
        with monkeypatch.context() as patch:
            patch.setattr(interrupted, interrupt)
            with pytest.raises(KeyboardInterrupt):
                reindex(Workspace.open(workspace.root), ColourEncoder("colour-65"), Unwatched())
    # Interrupted just before publishing: the next re-index completes the move and does not undo it.
    assert pinned() == "colour-65"
    assert open_live(workspace).manifest.model == "colour-64"
    report = reindex(Workspace.open(workspace.root), ColourEncoder("colour-65"), Unwatched())
    assert (report.published, report.embedded) == (True, 0)
    assert open_live(workspace).manifest.model == pinned() == "colour-65"
