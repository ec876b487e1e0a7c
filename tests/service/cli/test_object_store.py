"""The commands and the server over a workspace whose objects are in a bucket: doctor, backup, a store that is down."""

import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from index.generations import generations
from index.generations.generations import open_live
from index.jobs.backup import back_up
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.settings import as_toml
from index.stores.images import ImageStore
from index.workspace import SETTINGS, Workspace
from service.application import create_app
from service.cli.main import main
from tests.fakes import ColourEncoder, render
from tests.paths import ROOT
from tests.service.conftest import HERE, make_workspace


def set_objects(workspace, url):
    settings = replace(workspace.settings, objects=url)
    (workspace.root / SETTINGS).write_bytes(as_toml(settings))
    return Workspace(workspace.root, settings)


@pytest.fixture
def bucket(s3_server):
    return s3_server.bucket()


@pytest.fixture
def workspace(tmp_path, bucket, monkeypatch):
    create = Workspace.create
    url = f"s3://{bucket}/prefix"
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "create", lambda *given, **named: set_objects(create(*given, **named), url))
        return make_workspace(tmp_path)


def finds(workspace):
    generation = open_live(workspace)
    try:
        answer = search(Query((QueryImage(render(3)),)), generation, ColourEncoder())
        return [(one.entry.fields.entry_id, one.score) for one in answer.candidates]
    finally:
        generation.close()


def test_a_backup_answers_by_itself_and_is_brought_up_to_date(workspace, tmp_path):
    folder = tmp_path / "backup"
    first = back_up(workspace, folder)
    assert not (folder / "generations").exists(), "the copies of generations are in the store, too"
    assert {path.name for path in (folder / "objects").iterdir()} == {"images", "vectors", "generations"}
    again = back_up(workspace, folder)
    # The records are always copied, and manifests, which may have been replaced.
    assert (again.copied, again.deleted) == (3, 0)
    assert first.copied > 20
    expected = finds(workspace)
    image = next(key for key, _ in workspace.objects.list_objects("images"))
    workspace.objects.delete([image])
    assert back_up(workspace, folder).deleted == 1
    for key, _ in list(workspace.objects.list_objects()):
        workspace.objects.delete([key])
    restored = set_objects(Workspace.open(folder), f"file://{folder}/objects")
    assert finds(restored) == expected
    result = CliRunner().invoke(main, ["--workspace", str(restored.root), "generations", "verify"])
    assert result.exit_code == 0, result.output


def test_doctor_says_how_the_store_is(workspace, bucket, s3_server):
    def said():
        lines = CliRunner().invoke(main, ["--workspace", str(workspace.root), "doctor"]).output.splitlines()
        return [line for line in lines if line[6:].startswith("objects: ")]

    before = s3_server.everything(bucket)
    assert [line.startswith(f"ok    objects: s3://{bucket}/prefix: an object was stored") for line in said()] == [True]
    assert s3_server.everything(bucket) == before
    set_objects(workspace, "s3://no-such-bucket-here/prefix")
    (line,) = said()
    assert line.startswith("FAIL  objects: s3://no-such-bucket-here/prefix: there is no bucket no-such-bucket-here:")
    set_objects(workspace, "somewhere")
    (line,) = said()
    assert line.startswith("FAIL  objects: 'somewhere' is no place for objects")
    set_objects(workspace, "")
    assert said() == []


def test_a_server_answers_and_says_so_while_the_store_is_down(workspace, monkeypatch):
    image = next(iter(open_live(workspace).records.images()))
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
        assert client.get(f"/v1/images/{image}").content == ImageStore(workspace.objects).read(image)
        monkeypatch.setattr("index.stores.objects.cached.KEEP_SECONDS", -1)
        monkeypatch.setattr("index.stores.objects.s3.S3Objects._call", down)
        monkeypatch.setattr("index.stores.objects.bucket.BucketObjects.get", down)
        answer = client.get(f"/v1/images/{image}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.json()["detail"] == "the object store does not answer: try again in 2 s"
        assert "s3://" not in answer.text
        # What is in memory still answers.
        assert client.get("/healthz").status_code == 200


def down(self, *_, **__):
    raise self._unavailable(ConnectionError("refused"))


ALONE = """
import sys
from pathlib import Path
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.generations.generations import open_live
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import ColourEncoder, render
import service.application, service.cli.main
workspace = Workspace.open(Path({root!r}))
reindex(workspace, ColourEncoder(), Unwatched(), full=True)
search(Query((QueryImage(render(3)),)), open_live(workspace), ColourEncoder())
for name in ("fsspec", "s3fs", "botocore", "aiobotocore", "aiohttp", "index.stores.objects.bucket"):
    assert name not in sys.modules, name
print("nothing")
"""


def test_nothing_of_it_is_imported_on_one_machine(tmp_path):
    workspace = make_workspace(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ALONE.format(root=str(workspace.root))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stdout == "nothing\n", done.stderr
    assert {path.name for path in workspace.root.iterdir()} >= {"images", "vectors", "generations", "CURRENT"}
    assert not (workspace.root / "fetching.lock").exists()
    assert generations.numbers(workspace)
