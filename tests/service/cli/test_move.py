"""`traceobject move`: all records and objects, there and back, whatever interrupts it; and what it refuses."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import date

import pytest
import sqlalchemy as sa

from index.generations import generations
from index.generations.generations import open_live
from index.jobs.alerts import list_alerts
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects
from index.workspace import SETTINGS, Workspace
from service.app import move as module
from service.app.audit import Audit
from service.app.move import move
from service.tables import metadata as service_tables
from service.tables import open_service_database
from tests.crashes import Crash, RandomCrashes
from tests.databases import copied
from tests.fakes import ColourEncoder, add_feed, write_feed
from tests.moving import COUNT, answers, check_replay, files, made_in, put_aside, rows, run, stored
from tests.paths import ROOT


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return made_in(tmp_path_factory.mktemp("original"))


@pytest.fixture
def workspace(original, tmp_path):
    return copied(original, tmp_path / "workspace")


def test_there_and_back_on_real_servers(workspace, postgres_server, s3_server, tmp_path):
    before, kept, settings = rows(workspace), files(workspace.root), (workspace.root / SETTINGS).read_bytes()
    expected, content, head = answers(workspace), stored(workspace), check_replay(workspace)
    assert all(
        before[name] for name in ("entries", "pictures", "images", "alerts", "facts", "audit", "audit_head", "leads")
    )
    bucket = s3_server.bucket(versioned=True)
    database = postgres_server.database()
    said = run(workspace, "--database", database, "--objects", f"s3://{bucket}/prefix")
    assert f"moved {sum(map(len, before.values()))} rows of {len(before)} tables" in said
    assert f"{COUNT} readings of text and 2 generations, each compared there" in said
    # The source is as it was.
    assert (rows(workspace), files(workspace.root)) == (before, kept)
    put_aside(workspace, tmp_path / "aside")
    there = Workspace.open(workspace.root)
    assert (there.settings.database, there.settings.objects) == (database, f"s3://{bucket}/prefix")
    assert rows(there) == before
    assert (answers(there), stored(there), check_replay(there)) == (expected, content, head)
    assert not (there.root / module.STATE).exists()
    assert not there.objects.exists("being-moved-here")
    with Catalogue.open(there.database_url) as catalogue:
        assert len(list_alerts(catalogue.database)) == 1
    run(there, "--database", "folder", "--objects", "folder")
    back = Workspace.open(workspace.root)
    assert (back.root / SETTINGS).read_bytes() == settings
    assert rows(back) == before
    assert files(back.root) == kept
    assert (answers(back), stored(back), check_replay(back)) == (expected, content, head)
    assert (back.root / "CURRENT").read_bytes() == (tmp_path / "aside" / "CURRENT").read_bytes()


@pytest.mark.slow
def test_the_moved_workspace_goes_on(workspace, postgres_server, s3_server, tmp_path):
    bucket = s3_server.bucket(versioned=True)
    run(workspace, "--database", postgres_server.database(), "--objects", f"s3://{bucket}/prefix")
    put_aside(workspace, tmp_path / "aside")
    there = Workspace.open(workspace.root)
    add_feed(there, "fourth", "catalogue", write_feed(tmp_path / "fourth", [{"product_id": "new-one"}], [400]))
    assert reindex(there, ColourEncoder(), Unwatched(), today=date(2026, 1, 6)).published
    assert generations.live_number(there) == 3
    with there.lock("rollback"):
        assert generations.rollback(there) == 2
    assert reindex(there, ColourEncoder(), Unwatched(), today=date(2026, 1, 7), full=True).published
    secret = b"new-one"
    assert any(secret in data for data in s3_server.everything(bucket).values())
    forget(there, find_entry(there, "catalogue", "new-one"))
    assert not any(secret in data for data in s3_server.everything(bucket).values())
    with closing(open_service_database(there)) as database:
        Audit(database).append("search", "after", object=None)
        assert Audit(database).verify()[0] == 5


def elsewhere(tmp_path):
    return f"sqlite:///{tmp_path}/there.sqlite", f"file://{tmp_path}/objects"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_interrupts_it_the_next_run_completes_it(workspace, tmp_path, monkeypatch, seed):
    before, content, expected = rows(workspace), stored(workspace), answers(workspace)
    chance = random.Random(seed)
    monkeypatch.setattr("index.jobs.move_tables.ROWS", 3)
    monkeypatch.setattr("index.jobs.move_objects._ROWS", 3)
    crash = RandomCrashes(monkeypatch, chance)
    for holder, name in ((FolderObjects, "put"), (FolderObjects, "replace"), (FolderObjects, "upload"),
                         (FolderObjects, "delete"), (module, "write_file"), (module, "_clean_up")):  # fmt: skip
        crash.may_happen_in(holder, name)
    database, objects = elsewhere(tmp_path)
    crashes = 0
    while True:
        current = Workspace.open(workspace.root)
        crash.left = chance.randrange(2, 40)
        try:
            move(current, database, objects, Unwatched())
            break
        except Crash:
            crashes += 1
            # Until the last step the settings are those of the source, and it answers.
            current = Workspace.open(workspace.root)
            assert (current.settings.database, current.settings.objects) in (("", ""), (database, objects))
    assert crashes
    crash.left = 0
    there = Workspace.open(workspace.root)
    assert (rows(there), stored(there), answers(there)) == (before, content, expected)
    assert not (there.root / module.STATE).exists()
    assert not there.objects.exists("being-moved-here")
    assert "all of that is there already: nothing to move" in run(there, "--database", database)


def test_what_changed_between_two_runs_is_moved_as_it_is_now(workspace, tmp_path, monkeypatch):
    database, objects = elsewhere(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_compared", lambda *_: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            move(workspace, database, objects, Unwatched())
    assert b"A/3" in (tmp_path / "there.sqlite").read_bytes()
    gone = next(iter(open_live(workspace).records.find("catalogue", "T"))).images[0]
    forget(workspace, find_entry(workspace, "catalogue", "T"))
    move(workspace, database, objects, Unwatched())
    there = Workspace.open(workspace.root)
    assert rows(there) == rows(workspace)
    assert gone not in ImageStore(there.objects)
    every = b"".join(path.read_bytes() for path in (tmp_path / "objects").rglob("*") if path.is_file())
    assert gone.encode() not in every
    assert bytes.fromhex(gone) not in every


def test_a_server_that_still_writes_is_noticed(workspace, tmp_path, monkeypatch):
    compared = module._compared

    def written_to(sources, targets, unchanging):
        with sources[1][0].begin() as connection:
            connection.execute(sa.insert(service_tables.tables["users"]).values(
                name=f"u{time.monotonic_ns()}", role="curator", password="")
            )  # fmt: skip
        return compared(sources, targets, unchanging)

    monkeypatch.setattr(module, "_compared", written_to)
    database, _ = elsewhere(tmp_path)
    said = run(workspace, "--database", database, status=1)
    assert "users: not in the database" in said
    assert "although copied twice: stop the servers" in said
    assert Workspace.open(workspace.root).settings.database == ""


def test_what_cannot_be_moved_is_said(workspace, tmp_path, s3_server):
    database, objects = elsewhere(tmp_path)
    assert "name --database, --objects, --engine, or several" in run(workspace, status=2)
    assert "all of that is there already: nothing to move" in run(workspace, "--objects", "folder")
    assert "is no place for objects" in run(workspace, "--objects", "/somewhere", status=1)
    assert "names no database that can be used here" in run(workspace, "--database", "nonsense", status=1)
    assert "there is no bucket no-such-bucket" in run(workspace, "--objects", "s3://no-such-bucket/x", status=1)
    open_objects(objects).put("of/another", b"")
    assert "has objects already (of/another): name an empty place" in run(workspace, "--objects", objects, status=1)
    with Catalogue.open(database) as catalogue:
        catalogue.add_source("other", "catalogue", "/feed.csv", "csv")
    assert "has records already (table sources)" in run(workspace, "--database", database, status=1)
    assert not (workspace.root / module.STATE).exists(), "what cannot be begun is no move to be completed"
    fresh = f"file://{tmp_path}/fresh"
    assert "has records already" in run(workspace, "--database", database, "--objects", fresh, status=1)
    assert not list(open_objects(fresh).list_objects())
    begun = {"token": "0", "database": None, "objects": fresh, "copied": {}}
    (workspace.root / module.STATE).write_text(json.dumps(begun))
    assert "a move to other places was begun here" in run(workspace, "--objects", objects, status=1)
    (workspace.root / module.STATE).write_text("{")
    assert "moving.json cannot be read" in run(workspace, "--database", database, status=1)
    assert Workspace.open(workspace.root).settings == workspace.settings


@pytest.mark.slow
def test_it_is_killed_at_random_and_run_again(workspace, postgres_server, s3_server):
    before, content, expected = rows(workspace), stored(workspace), answers(workspace)
    bucket, database, chance = s3_server.bucket(), postgres_server.database(), random.Random(7)
    command = [
        sys.executable, "-m", "service.cli.main", "--workspace", str(workspace.root), "move",
        "--database", database, "--objects", f"s3://{bucket}/prefix",
    ]  # fmt: skip
    killed, longest = 0, 2.0
    while True:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            _, said = process.communicate(timeout=chance.uniform(1, longest) if killed < 8 else 300)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed, longest = killed + 1, longest * 1.4
            continue
        assert process.returncode == 0, said
        break
    assert killed
    there = Workspace.open(workspace.root)
    assert there.settings.database == database
    assert (rows(there), stored(there), answers(there)) == (before, content, expected)
    assert json.loads(there.objects.get("generations/1.json"))["generation"] == 1
