"""A pinned model is loaded when it is asked, and never another one in its place."""

from dataclasses import replace

import numpy as np
import pytest

from embedding.errors import ModelUnavailable
from index import models
from index.errors import WorkspaceError
from index.models import late_encoder
from index.progress import Unwatched
from index.reindex import reindex
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
    workspace, encoder = late_encoder(Workspace.open(workspace.root), print)
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
    workspace, encoder = late_encoder(workspace.pin_model("colour-64", ColourEncoder().card.sha256, "test"), print)
    for _ in range(3):
        encoder.encode_images(SQUARE)
    assert loaded == ["colour-64"]
    assert encoder.card == ColourEncoder().card


def test_other_weights_than_the_pinned_ones_are_refused_when_it_is_asked(workspace, loaded):
    workspace, encoder = late_encoder(workspace.pin_model("colour-64", "ab" * 32, "test"), print)
    with pytest.raises(WorkspaceError, match="indexed with colour-64 abababababab"):
        encoder.encode_images(SQUARE)


def test_a_model_that_the_registry_does_not_know_is_loaded_at_once(workspace, loaded, monkeypatch):
    def unknown(name):
        raise ModelUnavailable("no such model")

    monkeypatch.setattr(models.registry, "get", unknown)
    late_encoder(workspace.pin_model("colour-64", ColourEncoder().card.sha256, "test"), print)
    assert loaded == ["colour-64"]
