"""What `traceobject add` is given is kept with the source, so that a re-index needs no options."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from embedding.encoders import choose
from index.records.catalogue import Catalogue
from index.records.source_options import SourceOptions
from index.workspace import Workspace
from service.cli.main import main
from tests.fakes import ColourEncoder, render_file


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("index.models.choose", lambda: (ColourEncoder(), choose.Choice("colour-64", "took colour-64")))
    monkeypatch.setattr("service.cli.reindex.reranker_for", lambda workspace: None)

    def run(*arguments: object):
        return CliRunner().invoke(main, ["--workspace", str(tmp_path / "w"), *map(str, arguments)])

    assert run("init").exit_code == 0
    return run


def titles(root: Path) -> list[str]:
    with closing(Catalogue.open(Workspace.open(root / "w").database_url)) as catalogue:
        return [entry.fields.title for one in ("catalogue", "objects") for entry in catalogue.entries(one)]


def options(root: Path) -> SourceOptions:
    with closing(Catalogue.open(Workspace.open(root / "w").database_url)) as catalogue:
        (source,) = catalogue.sources()
        return SourceOptions.of(source)


@pytest.mark.parametrize(("collection", "name"), [("catalogue", "id"), ("objects", "object_id")])
def test_a_named_encoding_is_used_by_add_and_by_every_reindex(run, tmp_path, collection, name):
    render_file(tmp_path / "a.png", 1)
    feed = tmp_path / "feed.csv"
    feed.write_bytes(f"{name},title,path\nA,Ěčř,a.png\n".encode("cp1250"))
    assert run("add", collection, feed, "--encoding", "cp1250").exit_code == 0
    assert titles(tmp_path) == ["Ěčř"]
    assert options(tmp_path) == SourceOptions(encoding="cp1250")
    feed.write_bytes(f"{name},title,path\nA,Ěčř š,a.png\n".encode("cp1250"))
    assert run("reindex").exit_code == 0
    assert titles(tmp_path) == ["Ěčř š"]
    # Named otherwise, the same bytes are other letters.
    assert run("add", collection, feed, "--encoding", "cp1252").exit_code == 0
    assert titles(tmp_path) == ["Ìèø š"]


def test_an_encoding_that_is_none_is_a_mistake_of_usage(run, tmp_path):
    feed = tmp_path / "feed.csv"
    feed.write_text("id,title,path\n")
    result = run("add", "catalogue", feed, "--encoding", "rot13")
    assert result.exit_code == 2
    assert "cp1250" in result.output


@pytest.mark.parametrize(
    "given", [("--where", "countries=nl"), ("--header", "Authorization=TOKEN"), ("--format", "woocommerce")]
)
def test_options_of_the_web_are_refused_for_a_path(run, tmp_path, given):
    feed = tmp_path / "feed.csv"
    feed.write_text("id,title,path\n")
    result = run("add", "catalogue", feed, *given)
    assert result.exit_code == 2
    assert "for a source on the web" in result.output
