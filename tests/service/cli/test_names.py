"""traceobject names: identities, and spellings that may be one."""

import json

import pytest
from click.testing import CliRunner

from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.cli.main import main
from service.cli.names import pairs_alike
from tests.fakes import ColourEncoder, add_feed, write_feed

BRANDS = ["Tommy Hilfiger", "TOMMY HILFIGER ®", "Tommy Hilfigger", "Nord", "Lego | Disney", ""]


@pytest.fixture
def run(tmp_path):
    workspace = Workspace.create(tmp_path / "w", "colour-64")
    rows = [{"product_id": f"p{n}", "brand": brand, "retailer": "Mall"} for n, brand in enumerate(BRANDS)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, list(range(len(rows)))))
    reindex(workspace, ColourEncoder(), Unwatched())
    return lambda *words: CliRunner().invoke(main, ["--workspace", str(tmp_path / "w"), "names", *words])


def test_spellings_are_counted_together(run):
    listed = json.loads(run("brands", "--json").stdout)
    assert listed[0] == {"name": "Tommy Hilfiger", "products": 2}
    assert {row["name"] for row in listed} == {"Tommy Hilfiger", "Tommy Hilfigger", "Nord", "Lego", "Disney"}
    assert run("retailers").stdout == "       6  Mall\n"


def test_names_that_may_be_one_are_proposed_until_an_alias_joins_them(run, tmp_path):
    assert run("brands", "--alike").stdout == "Tommy Hilfiger  =  Tommy Hilfigger ?\n"
    (tmp_path / "w" / "aliases.toml").write_text('[brands]\n"Tommy Hilfiger" = ["Tommy Hilfigger"]\n', encoding="utf-8")
    assert run("brands", "--alike").stdout == ""
    assert json.loads(run("brands", "--json").stdout)[0] == {"name": "Tommy Hilfiger", "products": 3}


def test_short_names_are_not_proposed():
    assert pairs_alike(["nika", "nike"]) == []
    assert pairs_alike(["adidas", "adidass", "puma"]) == [("adidas", "adidass")]
