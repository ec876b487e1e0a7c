"""A migration that is drafted from the models makes the tables what the models are."""

import shutil

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from index.records.database import Database
from index.records.migrations.history import CATALOGUE, History
from index.records.upgrade import upgrade
from service.cli import draft_migration
from tests.index.records.test_upgrade import differences, fill


@pytest.mark.slow
def test_what_the_models_changed_is_drafted_and_can_be_run(tmp_path, monkeypatch):
    folder, tables = tmp_path / "revisions", sa.MetaData()
    shutil.copytree(CATALOGUE.folders[0], folder)
    for table in CATALOGUE.tables.sorted_tables:
        table.to_metadata(tables)
    tables.tables["sources"].append_column(sa.Column("contact", sa.Text, nullable=False, server_default=""))
    sa.Index("entries_by_title", tables.tables["entries"].c.title)
    history = History("catalogue", tables, (folder,))
    monkeypatch.setitem(draft_migration.HISTORIES, "catalogue", history)

    result = CliRunner().invoke(draft_migration.main, ["catalogue", "Who answers for a source"], catch_exceptions=False)
    drafted = folder / f"v{int(CATALOGUE.head) + 1:04d}_who_answers_for_a_source.py"
    assert result.stdout.splitlines()[-1] == f"read and complete it: {drafted}"

    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    fill(url)
    history = History("catalogue", tables, (folder,))
    assert drafted.name[1:5] == history.head
    assert differences(url, CATALOGUE) == []
    assert upgrade(url, history, tmp_path / "backups").after == history.head
    assert differences(url, history) == []
    Database.open(url, history).close()
