"""A backup of a workspace with its records in PostgreSQL: the restore drill of docs/scaling.md, and what it refuses."""

import hashlib
import json
import os
import shutil
import subprocess
from contextlib import closing

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from index.generations.generations import open_live
from index.jobs.database_dump import DUMP, MANIFEST
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.leads import Leads
from service.cli.main import main
from service.tables import open_service_database
from tests.databases import moved_to
from tests.fakes import ColourEncoder, add_feed, write_feed

pytestmark = pytest.mark.databases("postgres")


@pytest.fixture
def workspace(databases, tmp_path):
    made = Workspace.create(tmp_path / "w", "colour-64")
    add_feed(
        made, "shop", "catalogue", write_feed(tmp_path / "shop", [{"product_id": "a"}, {"product_id": "b"}], [1, 2])
    )
    add_feed(made, "police", "objects", write_feed(tmp_path / "list", [{"object_id": "E-1"}], [3]))
    reindex(made, ColourEncoder(), Unwatched())
    return made


def back_up(workspace, folder):
    return CliRunner().invoke(main, ["--workspace", str(workspace.root), "backup", str(folder)])


def keep_lead(workspace, product):
    with closing(open_live(workspace)) as generation, closing(open_service_database(workspace)) as database:
        [wanted] = generation.records.find("objects", "E-1")
        [found] = generation.records.find("catalogue", product)
        Leads(database, Audit(database)).keep(wanted, found, "ines", 1)


def stored(workspace):
    """The records, the leads, and the length and head of the audit."""
    with Catalogue.open(workspace.database_url) as catalogue, closing(open_service_database(workspace)) as database:
        audit = Audit(database)
        entries = [*catalogue.entries("catalogue"), *catalogue.entries("objects")]
        return entries, catalogue.images(), Leads(database, audit).all(), audit.verify()


def test_the_restore_drill(workspace, databases, tmp_path):
    keep_lead(workspace, "a")
    backup, before = tmp_path / "backup", stored(workspace)
    result = back_up(workspace, backup)
    assert result.exit_code == 0, result.output
    assert "pg_restore" in result.stderr
    manifest = json.loads((backup / MANIFEST).read_text())
    content = (backup / DUMP).read_bytes()
    assert (manifest["sha256"], manifest["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert {"entries", "leads", "audit", "alembic_version_service"} <= {t.split(".")[1] for t in manifest["tables"]}
    keep_lead(workspace, "b")
    shutil.rmtree(workspace.root)
    # What docs/scaling.md says.
    url = databases.url(tmp_path)
    target = f"--dbname=host='{databases.server.folder}' user=traceobject dbname={sa.make_url(url).database}"
    options = ["--exit-on-error", "--single-transaction", "--no-owner"]
    subprocess.run(["pg_restore", *options, target, str(backup / DUMP)], check=True)
    shutil.copytree(backup, tmp_path / "restored")
    restored = moved_to(Workspace.open(tmp_path / "restored"), url)
    assert stored(restored) == before
    with closing(open_live(restored)) as live:
        assert live.number == 1
    report = reindex(restored, ColourEncoder(), Unwatched())
    assert (report.published, report.embedded, report.warnings) == (False, 0, ())
    keep_lead(restored, "b")
    assert len(stored(restored)[2]) == 2


def test_again_it_replaces_the_dump_and_keeps_it_apart_from_the_files(workspace, tmp_path):
    assert "0 deleted" in back_up(workspace, tmp_path / "backup").stdout
    first = (tmp_path / "backup" / DUMP).read_bytes()
    keep_lead(workspace, "a")
    again = back_up(workspace, tmp_path / "backup")
    assert ", 0 deleted" in again.stdout
    assert (tmp_path / "backup" / DUMP).read_bytes() != first
    assert not list((tmp_path / "backup").glob(".*.part"))


def program(folder, script):
    """A pg_dump of our own, the only one on the path."""
    folder.mkdir()
    (folder / "pg_dump").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pg_dump").chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "pg_dump, which copies the database, is not on the path: install the client programs of PostgreSQL"),
        ("echo 'pg_dump (PostgreSQL) 9.6.24'", "which an older pg_dump cannot copy"),
        ("echo", "of no known version"),
        ("[ $1 = --version ] && echo 'pg_dump (PostgreSQL) 99.1' || { echo no space >&2; exit 1; }", "no space"),
    ],
)
def test_without_a_pg_dump_that_works_it_says_so(workspace, tmp_path, monkeypatch, script, message):
    monkeypatch.setenv("PATH", program(tmp_path / "bin", script) if script else str(tmp_path))
    result = back_up(workspace, tmp_path / "backup")
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "backup" / MANIFEST).exists()


def test_a_password_is_no_argument(workspace, tmp_path, monkeypatch):
    """Every user of a machine can read the arguments of its programs."""
    real = shutil.which("pg_dump")
    script = f'[ $1 = --version ] || {{ echo "$@" "$PGPASSWORD" > {tmp_path}/called; }}; exec {real} "$@"'
    monkeypatch.setenv("PATH", f"{program(tmp_path / 'bin', script)}{os.pathsep}{os.environ['PATH']}")
    url = workspace.settings.database.replace("traceobject@", "traceobject:it's%20secret@")
    assert back_up(moved_to(workspace, url), tmp_path / "backup").exit_code == 0
    arguments, _, password = (tmp_path / "called").read_text().rpartition(" it's")
    assert "secret" not in arguments
    assert password == " secret\n"
