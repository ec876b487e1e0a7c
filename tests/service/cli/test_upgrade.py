"""Commands over records of another version, and what `traceobject upgrade` says."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from index.errors import SchemaOutdated, SchemaTooNew
from index.generations.snapshot_schema import VERSION
from index.records.migrations.history import CATALOGUE
from index.workspace import Workspace
from service.cli.main import main
from service.reports.run_history import RunHistory
from service.serve import serve
from tests.fakes import ColourEncoder, write_feed
from tests.index.generations.test_versions import altered
from tests.revisions import also_knowing, write_revision


@pytest.fixture(autouse=True)
def colour_model(monkeypatch):
    """Commands load the small encoder instead of a network's weights."""
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("service.cli.reindex.reranker_for", lambda workspace: None)


@pytest.fixture
def workspace(tmp_path):
    """An indexed workspace with an account."""
    workspace = Workspace.create(tmp_path / "workspace")
    card = ColourEncoder().card
    workspace = workspace.pin_model(card.name, card.sha256, "named by the operator")
    feed = write_feed(tmp_path / "shop", [{"product_id": f"p{seed}"} for seed in range(3)], list(range(3)))
    for words in (["add", "catalogue", str(feed)], ["reindex"], ["users", "add", "ada", "--without-password"]):
        assert run(workspace, *words).exit_code == 0
    return workspace


def run(workspace, *words):
    return CliRunner().invoke(main, ["--workspace", str(workspace.root), *words], catch_exceptions=False)


@pytest.fixture
def tomorrow(tmp_path):
    """The program knows one revision more of the catalogue, whose body is given."""

    def know(body="op.add_column('sources', sa.Column('contact', sa.Text))"):
        write_revision(CATALOGUE, tmp_path / "tomorrow", body)
        return also_knowing(CATALOGUE, tmp_path / "tomorrow")

    return know


def test_of_this_version_there_is_nothing_to_do(workspace):
    result = run(workspace, "upgrade")
    assert (result.exit_code, result.stdout) == (0, "nothing to upgrade: the records are of this version\n")
    assert not workspace.backups.exists()


def test_the_one_line_tells_what_was_upgraded_and_where_its_copy_is(workspace, tomorrow):
    with tomorrow():
        result = run(workspace, "upgrade")
    [copy] = workspace.backups.iterdir()
    assert result.stdout == (
        f"upgraded for this version: catalogue from revision {CATALOGUE.head} to {int(CATALOGUE.head) + 1:04d} "
        f"(what it was is kept in {copy})\n"
    )


def test_a_migration_that_fails_is_a_night_that_failed(workspace, tomorrow):
    with tomorrow("op.execute('INSERT INTO nowhere VALUES (1)')"):
        result = run(workspace, "reindex")
        assert result.exit_code == 1
        assert "the catalogue cannot be upgraded" in result.stderr
        assert "nowhere" in RunHistory.of(workspace).records()[-1].error
    assert run(workspace, "reindex").exit_code == 0


def test_an_upgrade_waits_for_no_job_that_writes(workspace, tomorrow):
    with tomorrow(), workspace.lock("reindex"):
        result = run(workspace, "users", "disable", "ada")
    assert result.exit_code == 1
    assert "being written by reindex; `upgrade` left it alone" in result.stderr


@pytest.mark.parametrize("words", [["upgrade"], ["reindex"], ["alerts"], ["doctor"]], ids=lambda words: words[0])
def test_records_of_a_newer_version_are_refused(workspace, tomorrow, words):
    with tomorrow():
        run(workspace, "upgrade")
    result = run(workspace, *words)
    assert result.exit_code == 1
    assert "written by a newer version of traceobject" in result.output


@pytest.fixture
def started(monkeypatch):
    """A server that would start fails instead."""

    def fail(*_):
        raise AssertionError("the server starts")

    monkeypatch.setattr("service.serve.workspace_encoder", fail)


@pytest.mark.usefixtures("started")
def test_a_server_over_records_of_another_version_does_not_start(workspace, tomorrow):
    """The catalogue's alone: a server asks it only when somebody signs in, and should not wait until then."""
    with tomorrow(), pytest.raises(SchemaOutdated, match="run `traceobject upgrade`"):
        serve(workspace, port=0)
    with tomorrow():
        run(workspace, "upgrade")
    with pytest.raises(SchemaTooNew, match="written by a newer version of traceobject"):
        serve(workspace, port=0)
    with tomorrow(), pytest.raises(AssertionError, match="the server starts"):
        serve(workspace, port=0)


def test_forget_says_which_generation_it_could_not_read(workspace):
    altered(workspace, 1, f"PRAGMA user_version={VERSION + 1}")
    result = run(workspace, "forget", "product", "p1")
    assert result.exit_code == 0
    assert "generations rebuilt: none" in result.stdout
    assert "warning: it could not be read, so it was deleted: generation 1" in result.stderr
    assert "Next: traceobject reindex" in result.stderr
    assert run(workspace, "reindex").exit_code == 0


def test_forget_says_that_it_deleted_the_copies_of_an_upgrade(workspace, tomorrow):
    with tomorrow():
        result = run(workspace, "forget", "product", "p1")
    assert "upgraded for this version: catalogue" in result.stderr
    assert "copies of databases from before an upgrade that were deleted, for they named it: 1" in result.stderr
    assert list(workspace.backups.iterdir()) == []


def test_a_rollback_to_another_model_is_refused_on_the_command_line(workspace):
    assert run(workspace, "reindex", "--full").exit_code == 0
    settings = workspace.root / "traceobject.toml"
    settings.write_text(settings.read_text().replace("colour-64", "colour-65"))
    result = run(workspace, "generations", "rollback")
    assert result.exit_code == 1
    assert "made by the model colour-64" in result.stderr
    assert workspace.current.read_text() == "2\n"


def test_each_database_has_one_version_table(workspace):
    for name, table in (("catalogue", "alembic_version_catalogue"), ("service", "alembic_version_service")):
        with closing(sqlite3.connect(workspace.root / f"{name}.sqlite")) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'alembic%'")}
        assert table in names
        assert len(names - {table, f"sqlite_autoindex_{table}_1"}) == 0
