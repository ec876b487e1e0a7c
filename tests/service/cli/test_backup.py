"""A backup is a workspace: the restore drill of docs/operations.md, and what a backup refuses."""

import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from click.testing import CliRunner

from index.errors import WorkspaceBusy, WorkspaceError
from index.generations.generations import open_live
from index.jobs.backup import back_up
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import SETTINGS, Workspace
from service.application import create_app
from service.cli.main import main
from service.reports.run_history import RunHistory
from service.reports.run_record import RunRecord
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.service.conftest import make_workspace
from tests.service.running import in_a_thread

QUERIES = 12


@pytest.fixture
def workspace(tmp_path):
    made = make_workspace(tmp_path)
    settings = made.root / SETTINGS
    settings.write_text(settings.read_text().replace("searches_a_minute = 30", "searches_a_minute = 0"))
    return Workspace.open(made.root)


@pytest.fixture
def backup(tmp_path):
    return tmp_path / "backup"


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def night(workspace):
    return reindex(workspace, ColourEncoder(), Unwatched(), today=datetime.now(UTC).date() + timedelta(1))


def answers(port, folder):
    """A server's answers to the pictures of a feed, without the query ids."""
    found = []
    for number in range(QUERIES):
        picture = (folder / "luma" / "pictures" / f"{number}.png").read_bytes()
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/search", files={"image": picture}, timeout=30)
        assert answer.status_code == 200
        found.append({key: value for key, value in answer.json().items() if key != "query_id"})
    return found


def test_the_restore_drill(workspace, backup, tmp_path):
    """Back up while it is served, lose the workspace, restore: the same answers, and nothing is embedded again."""
    command = ["--workspace", str(workspace.root), "backup", str(backup)]
    with in_a_thread(create_app(Workspace.open(workspace.root), ColourEncoder())) as port:
        before = answers(port, tmp_path)
        asked, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                asked.append(answers(port, tmp_path))

        asking = threading.Thread(target=ask)
        asking.start()
        result = CliRunner().invoke(main, command)
        stop.set()
        asking.join()
        assert result.exit_code == 0, result.stderr
        assert asked
        assert all(each == before for each in asked)
    kept = [path.name for path in backup.iterdir()]
    assert {"CURRENT", "catalogue.sqlite", "service.sqlite", "traceobject.toml"} <= set(kept)
    assert not [name for name in kept if name.endswith(("-wal", "-shm", ".lock"))]
    shutil.rmtree(workspace.root)
    shutil.copytree(backup, workspace.root)
    with in_a_thread(create_app(Workspace.open(workspace.root), ColourEncoder())) as port:
        assert answers(port, tmp_path) == before
    report = night(Workspace.open(workspace.root))
    assert (report.published, report.embedded, report.warnings) == (False, 0, ())


def test_what_is_written_while_it_is_copied_is_whole(workspace, backup):
    """Committed changes may be only in the write-ahead log: a copy of the database file alone would miss them."""
    with sqlite3.connect(workspace.root / "catalogue.sqlite") as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("UPDATE entries SET title='written to the log' WHERE entry_id='A/3'")
        writer.commit()
        writer.execute("UPDATE entries SET title='never said' WHERE entry_id='A/4'")
        back_up(workspace, backup)
        writer.rollback()
    with sqlite3.connect(backup / "catalogue.sqlite") as reader:
        titles = dict(reader.execute("SELECT entry_id, title FROM entries WHERE entry_id IN ('A/3', 'A/4')"))
        assert titles == {"A/3": "written to the log", "A/4": "Thing 4"}
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_again_it_copies_what_changed_and_deletes_what_is_gone(workspace, backup, tmp_path):
    first = back_up(workspace, backup)
    assert first.copied == len(files(backup))
    (backup / "catalogue.sqlite-wal").write_bytes(b"left by somebody who used the backup")
    still = back_up(workspace, backup)
    assert (still.copied, still.deleted) == (1, 0)
    add_feed(workspace, "nova", "catalogue", write_feed(tmp_path / "nova", [{"product_id": "N"}], [7000]))
    for _ in range(3):
        reindex(workspace, ColourEncoder(), Unwatched(), full=True)
    again = back_up(workspace, backup)
    assert again.deleted > 0
    assert files(backup).keys() == files(workspace.root).keys() - {"writer.lock"}
    copy = open_live(Workspace.open(backup))
    assert copy.number == 4
    assert [entry.fields.entry_id for entry in copy.records.find("catalogue", "N")] == ["N"]


def test_what_is_forgotten_leaves_the_next_backup(workspace, backup):
    moment = "2026-01-05T03:00:00+00:00"
    RunHistory.of(workspace).add(RunRecord(moment, moment, 1.0, "published", warnings=("product A/3 is odd",)))
    (image,) = open_live(workspace).records.find("catalogue", "A/3")[0].images
    back_up(workspace, backup)
    needles = (b"A/3", image.encode(), bytes.fromhex(image))
    assert all(any(needle in held for held in files(backup).values()) for needle in needles)
    assert CliRunner().invoke(main, ["--workspace", str(workspace.root), "forget", "product", "A/3"]).exit_code == 0
    back_up(workspace, backup)
    assert not [name for name, held in files(backup).items() for needle in needles if needle in held]
    assert not [name for name in files(backup) if image in name]


def test_a_backup_cut_short_is_completed(workspace, backup, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("index.jobs.backup.shutil.copy2", full)
        with pytest.raises(WorkspaceError, match="No space left"):
            back_up(workspace, backup)
    assert not (backup / "CURRENT").exists()
    back_up(workspace, backup)
    assert open_live(Workspace.open(backup)).number == 1


def test_a_job_that_writes_is_not_copied(workspace, backup):
    with workspace.lock("reindex"), pytest.raises(WorkspaceBusy, match="being written by reindex"):
        back_up(workspace, backup)


def test_a_folder_that_is_no_place_for_it_is_refused_and_untouched(workspace, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for name in ("mine", "file", "workspace", "workspace/backup", "."):
        with pytest.raises(WorkspaceError, match="choose another folder"):
            back_up(workspace, tmp_path / name)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    assert not (tmp_path / "workspace" / "backup").exists()


def test_a_database_elsewhere_gives_a_warning(workspace, backup, tmp_path):
    text = (workspace.root / SETTINGS).read_text()
    text = text.replace('database = ""', f'database = "sqlite:///{tmp_path / "elsewhere.sqlite"}"')
    (workspace.root / SETTINGS).write_text(text)
    result = CliRunner().invoke(main, ["--workspace", str(workspace.root), "backup", str(backup)])
    assert result.exit_code == 0
    assert "pg_dump" in result.stderr
    assert "files copied" in result.stdout
