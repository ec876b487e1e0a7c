"""The first re-index takes the fastest form of the model that agrees with it; later ones leave the model alone."""

from dataclasses import dataclass, replace

import pytest

from embedding.encoders import registry
from embedding.encoders.openvino.forms import MIN_PICTURES
from embedding.errors import CompiledRefused, ModelUnavailable
from index.jobs import compile_model
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed


class TorchEncoder(ColourEncoder):
    """A model that could be compiled."""

    def __init__(self, name="colour-64"):
        super().__init__()
        self.card = replace(self.card, name=name, family="starter")


@dataclass(frozen=True)
class Made:
    card: object


@pytest.fixture
def machine(monkeypatch):
    """A machine whose store can compile: `refused` and `broken` forms it cannot."""
    stored, refused, broken = {}, set(), set()

    def compile_for(_, name, form, __):
        if form in broken:
            raise ModelUnavailable("nncf is not installed")
        if form in refused:
            raise CompiledRefused(f"{name}-{form} was not kept")
        stored[name] = replace(TorchEncoder(f"{name}-{form}").card, family="compiled")
        return Made(stored[name])

    monkeypatch.setattr(compile_model, "compile_for", compile_for)
    monkeypatch.setattr(compile_model, "cuda_available", lambda: False)
    monkeypatch.setattr(compile_model, "preferred", lambda card: stored.get(card.name, card))
    monkeypatch.setattr(compile_model, "load_card", lambda card: TorchEncoder(card.name))
    return stored, refused, broken


def night(tmp_path, pictures=MIN_PICTURES, encoder=None):
    folder = tmp_path / "workspace"
    workspace = Workspace.open(folder) if folder.exists() else Workspace.create(folder, "colour-64")
    rows = [{"product_id": f"p{number}"} for number in range(pictures)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, list(range(pictures))))
    return reindex(workspace, encoder or TorchEncoder(), Unwatched(), may_compile=True)


def test_the_first_generation_is_made_with_the_compiled_form(tmp_path, machine):
    report = night(tmp_path)
    assert report.model == "colour-64-int8"
    assert report.notes == ("colour-64 was compiled for this machine: colour-64-int8",)
    assert Workspace.open(tmp_path / "workspace").settings.model == "colour-64-int8"


def test_where_8_bits_agree_too_little_it_is_single_precision(tmp_path, machine):
    machine[1].add("int8")
    report = night(tmp_path)
    assert report.model == "colour-64-fp32"
    assert report.notes == ("colour-64-int8 was not kept", "colour-64 was compiled for this machine: colour-64-fp32")


def test_a_model_that_cannot_be_compiled_serves_as_it_is(tmp_path, machine):
    machine[2].update(("int8", "fp32"))
    report = night(tmp_path)
    assert (report.model, report.published) == ("colour-64", True)
    assert report.notes == ("colour-64 was not compiled for this machine, and serves as it is: nncf is not installed",)


def test_few_pictures_say_too_little(tmp_path, machine):
    assert night(tmp_path, MIN_PICTURES - 1).model == "colour-64"
    assert machine[0] == {}


def test_a_workspace_that_has_a_generation_keeps_its_model(tmp_path, machine):
    night(tmp_path, MIN_PICTURES - 1)
    assert night(tmp_path, MIN_PICTURES + 5).model == "colour-64"
    assert machine[0] == {}


def test_with_cuda_the_model_runs_there(tmp_path, machine, monkeypatch):
    monkeypatch.setattr(compile_model, "cuda_available", lambda: True)
    assert night(tmp_path).model == "colour-64"


def test_what_the_store_has_is_not_compiled_again(tmp_path, machine, monkeypatch):
    machine[0]["colour-64"] = replace(TorchEncoder("colour-64-int8").card, family="compiled")
    monkeypatch.setattr(compile_model, "compile_for", None)
    report = night(tmp_path)
    assert (report.model, report.notes) == ("colour-64-int8", ())


def test_of_an_ensemble_each_part_is_compiled_that_can_be(tmp_path, machine, monkeypatch):
    cards = {"one": TorchEncoder("one").card, "other": ColourEncoder("other").card}
    monkeypatch.setattr(registry, "get", cards.__getitem__)
    joined = ColourEncoder()
    joined.card = replace(registry.ensemble(list(cards.values())), dimension=64)
    report = night(tmp_path, encoder=joined)
    assert list(machine[0]) == ["one"]
    assert report.notes == ("one was compiled for this machine: one-int8",)
