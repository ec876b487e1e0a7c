"""A generation becomes live together with its record in the audit, by a re-index and by a rollback."""

from contextlib import closing
from datetime import date

import pytest
from click.testing import CliRunner

from index.errors import WorkspaceError
from index.generations.generations import live_number, rollback
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.publications import publication_record
from service.cli.main import main
from service.tables import open_service_database
from tests.fakes import ColourEncoder, add_feed, write_feed

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "w", "colour-64")
    add_feed(
        made, "shop", "catalogue", write_feed(tmp_path / "shop", [{"product_id": "a"}, {"product_id": "b"}], [1, 2])
    )
    return made


@pytest.fixture
def audit(workspace):
    with closing(open_service_database(workspace)) as database:
        yield Audit(database)


def run(workspace, record):
    return reindex(
        workspace, ColourEncoder(), Unwatched(), today=date(2026, 1, 5), full=True, record_publication=record
    )


def recorded(audit):
    return [(one["kind"], one["generation"], one["change"]) for one in audit.records()]


def test_of_each_publication_and_rollback(workspace, audit, monkeypatch):
    monkeypatch.setattr("service.cli.generations.require_served", lambda *_: None)
    for _ in range(2):
        run(workspace, publication_record(audit, "reindex"))
    assert CliRunner().invoke(main, ["--workspace", str(workspace.root), "generations", "rollback"]).exit_code == 0
    assert live_number(workspace) == 1
    assert recorded(audit) == [
        ("generation", 1, "reindex"),
        ("generation", 2, "reindex"),
        ("generation", 1, "rollback"),
    ]
    assert audit.verify()[0] == 3


def test_what_cannot_be_recorded_is_not_published(workspace, audit):
    def fail(*_):
        raise WorkspaceError("the audit cannot be written")

    run(workspace, publication_record(audit, "reindex"))
    with pytest.raises(WorkspaceError, match="audit"):
        run(workspace, fail)
    assert live_number(workspace) == 1
    run(workspace, publication_record(audit, "reindex"))
    with pytest.raises(WorkspaceError, match="audit"):
        rollback(workspace, 1, record=fail)
    assert live_number(workspace) == 3
    assert [number for _, number, _ in recorded(audit)] == [1, 3]
