"""Generations of other versions: an older one is read, a newer one refused, and deleted by `forget`."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from embedding.errors import ModelUnavailable
from index.errors import GenerationError, WorkspaceError
from index.generations import generations, snapshot_schema
from index.generations.generations import CALIBRATION, RECORDS, Generation, open_live
from index.generations.manifest import Manifest
from index.generations.snapshot import Snapshot
from index.jobs import forget as forgetting
from index.jobs.forget import find_entry, forget
from index.models import require_served
from index.records.entries import ADDED
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import LIKELY, ColourEncoder, add_feed, render, write_feed
from tests.index.jobs.test_reindex import run

NEWER = f"PRAGMA user_version={snapshot_schema.VERSION + 1}"


@pytest.fixture
def workspace(tmp_path):
    """Three generations of one product more each."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    for count in (2, 3, 4):
        rows = [{"product_id": f"p{seed}", "title": f"Thing {seed}", "price": "3 EUR"} for seed in range(count)]
        add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, list(range(count))))
        run(workspace)
    card = ColourEncoder().card
    return workspace.pin_model(card.name, card.sha256, "named by the operator")


def folder(workspace, number):
    return workspace.generations / str(number)


def seal_again(workspace, number):
    """Write new checksums into a generation's manifest, as if another version had made its files."""
    path = folder(workspace, number)
    generations.seal(path, replace(Manifest.read(path), files=generations.checksums(path)))


def altered(workspace, number, *statements):
    with closing(sqlite3.connect(folder(workspace, number) / RECORDS)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    seal_again(workspace, number)


def version_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_records_carry_their_version(workspace):
    assert version_of(folder(workspace, 3) / RECORDS) == snapshot_schema.VERSION == 2


class TestOfAnOlderVersion:
    @pytest.fixture
    def older(self, workspace):
        """The second lacks columns that came later."""
        columns = ("price", "last_seen", *ADDED)
        altered(workspace, 2, *(f"ALTER TABLE entries DROP COLUMN {name}" for name in columns), "PRAGMA user_version=0")
        return workspace

    def test_are_read_by_the_columns_that_they_have(self, older):
        before = (folder(older, 2) / RECORDS).read_bytes()
        with closing(Generation(folder(older, 2))) as generation:
            entries = list(generation.records.entries("catalogue"))
            assert [(e.fields.title, e.fields.price, e.fields.last_seen) for e in entries] == [
                (f"Thing {seed}", "", "") for seed in range(3)
            ]
            assert {getattr(e.fields, name) for e in entries for name in ADDED} == {""}
            for filters in ((), (Filter("seen_after", "2020-01-01"),), (Filter("source", "shop"),)):
                query = Query((QueryImage(render(2)),), filters=filters)
                answer = search(query, generation, ColourEncoder())
                assert answer.candidates[0].entry.fields.entry_id == "p2"
        with closing(open_live(older)) as live:
            assert {entry.fields.price for entry in live.records.entries("catalogue")} == {"3 EUR"}
        assert (folder(older, 2) / RECORDS).read_bytes() == before

    def test_can_be_rolled_back_to(self, older):
        assert generations.rollback(older) == 2
        assert run(older, full=True).generation == 4

    def test_are_of_this_version_after_forget_rebuilt_them(self, older):
        assert forget(older, find_entry(older, "catalogue", "p1")).generations == (1, 2, 3)
        assert version_of(folder(older, 2) / RECORDS) == snapshot_schema.VERSION
        with closing(Generation(folder(older, 2))) as generation:
            assert [e.fields.entry_id for e in generation.records.entries("catalogue")] == ["p0", "p2"]

    def test_are_refused_where_a_column_has_no_default(self, older):
        altered(older, 2, "DROP INDEX entries_by_entry_id", "ALTER TABLE entries DROP COLUMN entry_id")
        with pytest.raises(GenerationError, match="lacks entry_id of entries"):
            Snapshot(folder(older, 2) / RECORDS)


class TestOfANewerVersion:
    def test_are_refused(self, workspace):
        altered(workspace, 3, NEWER)
        with pytest.raises(GenerationError, match=r"written by a newer version of traceobject.*version 3.*up to 2"):
            open_live(workspace)

    def test_are_skipped_when_the_records_of_all_are_read(self, workspace):
        altered(workspace, 3, NEWER)
        assert len(list(generations.records(workspace))) == 2

    def test_are_deleted_by_forget_which_says_so(self, workspace):
        """The second contains what is forgotten, but this version cannot read it."""
        altered(workspace, 2, NEWER)
        done = forget(workspace, find_entry(workspace, "catalogue", "p1"))
        assert done.generations == (1, 3)
        [message] = done.unreadable
        assert message.startswith("generation 2: ")
        assert "newer version" in message
        assert generations.numbers(workspace) == [1, 3]


class TestForgetCleansEveryGenerationOnDisk:
    @pytest.mark.parametrize(
        "statements",
        [["DROP TABLE rows"], ["UPDATE entries SET images = '{'"], ["UPDATE rows SET region = 'nowhere'"]],
        ids=["a table is missing", "a list cannot be read", "a region cannot be read"],
    )
    def test_and_deletes_what_it_cannot_read(self, workspace, statements):
        altered(workspace, 1, *statements)
        done = forget(workspace, forgetting.ForgetTarget("catalogue", "shop", "p1"))
        assert (done.generations, len(done.unreadable)) == ((2, 3), 1)
        assert generations.numbers(workspace) == [2, 3]

    def test_and_if_interrupted_the_next_night_reports_it(self, workspace, monkeypatch):
        altered(workspace, 1, NEWER)

        def crash(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(forgetting, "clean_generation", crash)
            with pytest.raises(KeyboardInterrupt):
                forget(workspace, find_entry(workspace, "catalogue", "p1"))
        warnings = run(workspace).warnings
        assert any("deleted: generation 1" in warning for warning in warnings), warnings

    def test_and_the_copies_of_databases_from_before_an_upgrade(self, workspace):
        workspace.backups.mkdir()
        copy = workspace.backups / "catalogue-before-0002-20260105T000000Z.sqlite"
        copy.write_bytes((workspace.root / "catalogue.sqlite").read_bytes())
        assert forget(workspace, find_entry(workspace, "catalogue", "p1")).backups == 1
        assert not copy.exists()


class TestARollback:
    """To a generation that cannot be served is refused, and the live one stays live."""

    @pytest.fixture
    def refused(self, workspace):
        def check(why, error=GenerationError):
            before = workspace.current.read_bytes(), workspace.current.stat().st_mtime_ns
            with pytest.raises(error, match=why):
                generations.rollback(workspace, 2, lambda manifest: require(workspace, manifest))
            assert (workspace.current.read_bytes(), workspace.current.stat().st_mtime_ns) == before
            assert open_live(workspace).number == 3

        return check

    def test_to_one_that_was_changed(self, workspace, refused):
        with (folder(workspace, 2) / "catalogue.index").open("ab") as file:
            file.write(b"x")
        refused("was changed since it was built")

    def test_to_one_of_a_newer_version(self, workspace, refused):
        altered(workspace, 2, NEWER)
        refused("newer version of traceobject")

    def test_to_one_whose_parts_cannot_be_opened(self, workspace, refused):
        (folder(workspace, 2) / CALIBRATION).write_text("{}")
        seal_again(workspace, 2)
        refused("calibration cannot be read")
        (folder(workspace, 2) / CALIBRATION).write_text(LIKELY.to_json())
        (folder(workspace, 2) / "catalogue.index").write_bytes(b"of another engine")
        seal_again(workspace, 2)
        refused("cannot be opened")

    def test_to_one_of_another_model(self, workspace, refused):
        path = folder(workspace, 2)
        replace(Manifest.read(path), model="colour-65").write(path)
        refused(r"made by the model colour-65.*this workspace uses colour-64.*traceobject\.toml")

    def test_to_one_of_a_model_that_is_not_here(self, workspace, refused, monkeypatch):
        def missing(name):
            raise ModelUnavailable(f"the weights of {name} are not here")

        monkeypatch.setattr("index.models.load", missing)
        refused("weights of colour-64 are not here", ModelUnavailable)

    def test_to_one_of_a_model_whose_weights_are_others_now(self, workspace, refused, monkeypatch):
        monkeypatch.setattr("index.models.load", lambda _: ColourEncoder("colour-66"))
        refused("the weights here are", WorkspaceError)

    def test_to_one_that_can_be_served_works(self, workspace, monkeypatch):
        monkeypatch.setattr("index.models.load", lambda name: ColourEncoder(name))
        assert generations.rollback(workspace, 2, lambda manifest: require(workspace, manifest)) == 2


def require(workspace, manifest):
    require_served(workspace, manifest.model, manifest.model_sha256, lambda _: None)
