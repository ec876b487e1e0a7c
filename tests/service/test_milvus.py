"""A server whose vectors are on Milvus: searched, replayed, checked, and without it "not ready"."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from service.accounts.roles import Role
from service.app.limits import ServerLimits
from service.app.recorded_search import replay
from service.application import create_app
from service.cli import search as search_command
from service.cli.main import main
from tests.fakes import ColourEncoder, render, write_feed
from tests.paths import ROOT
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.conftest import HERE, make_workspace

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(milvus_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("on-milvus")
    made = make_workspace(folder, engine=milvus_server.url, searches_a_minute=0)
    return copy_with_accounts(made, folder / "with-accounts")


@pytest.fixture(scope="module")
def app(workspace):
    opened = create_app(workspace, ColourEncoder(), limits=ServerLimits(sign_ins=10_000))
    with TestClient(opened, base_url=HERE) as client:
        yield client


def png_of(seed):
    file = io.BytesIO()
    Image.fromarray(render(seed)).save(file, "PNG")
    return file.getvalue()


def recorded(app):
    return [one for one in app.app.state.services.audit.records() if one["kind"] == "search"][-1]


@slow
def test_it_answers_as_on_one_machine(app, client):
    """Both directions, filters, several pictures: the same candidates with the same scores."""
    here, there = signed_in(app, Role.INVESTIGATOR), client
    for seed, fields in (
        (3, {}),
        (5, {"filter": "brand=nova"}),
        (4, {"filter": "category=bags", "limit": "3"}),
        (1, {"filter": ["seen_before=2019-01-01", "country=NL"]}),
        (202, {"collection": "objects"}),
        (202, {"collection": "objects", "filter": "country=NL"}),
    ):
        answers = [
            one.post("/v1/search", files={"image": ("x.png", png_of(seed))}, data={**fields, "rerank": "false"})
            for one in (here, there)
        ]
        assert [one.status_code for one in answers] == [200, 200], answers[0].text
        told = [one.json()["candidates"] for one in answers]
        ids = [[one.get("product_id") or one.get("object_id") for one in candidates] for candidates in told]
        assert ids[0] == ids[1]
        scores = [[one["score"] for one in candidates] for candidates in told]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)


@slow
def test_a_replay_compares_the_lists_that_were_recorded(app, workspace, monkeypatch):
    """Also where the engine would find others today."""
    ines, picture = signed_in(app, Role.INVESTIGATOR), png_of(7)
    ines.post("/v1/search", files={"image": ("x.png", picture)}, data={"filter": "brand=nova", "rerank": "false"})
    record = recorded(app)
    assert record["first_lists"]
    sent = {record["pictures"][0]["sha256"]: picture}
    assert replay(record, workspace, ColourEncoder(), None, sent).is_same

    from index.engines.milvus.engine import MilvusEngine

    def other(self, queries, k, allow):
        raise AssertionError("the engine was asked again")

    monkeypatch.setattr(MilvusEngine, "_search", other)
    again = replay(json.loads(json.dumps(record)), workspace, ColourEncoder(), None, sent)
    assert again.is_same
    assert again.max_score_difference == 0
    assert len(again.recorded) > 1


@slow
def test_doctor_proves_the_rows_on_the_server(workspace):
    result = CliRunner().invoke(main, ["--workspace", str(workspace.root), "doctor"])
    (line,) = [line for line in result.output.splitlines() if "engine" in line]
    assert line.startswith("ok")
    assert "each matches its checksum" in line


@slow
def test_while_the_engine_is_down_it_is_not_ready_and_then_well_by_itself(app, workspace, milvus_server, monkeypatch):
    ines = signed_in(app, Role.INVESTIGATOR)

    def search():
        return ines.post("/v1/search", files={"image": ("x.png", png_of(3))}, data={"rerank": "false"})

    assert search().status_code == 200
    assert app.get("/readyz").status_code == 200
    milvus_server.stop()
    try:
        for answer in (search(), app.get("/readyz", params={"stale": "pass"})):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["type"].endswith("unavailable")
            assert "engine" in answer.json()["detail"]
            assert str(milvus_server.port) not in answer.text
        assert app.get("/healthz").status_code == 200
        monkeypatch.setattr(search_command, "workspace_encoder", lambda made, _: (made, ColourEncoder()))
        monkeypatch.setattr(search_command, "reranker_for", lambda _: None)
        picture = workspace.root / "x.png"
        picture.write_bytes(png_of(3))
        result = CliRunner().invoke(main, ["--workspace", str(workspace.root), "search", str(picture)])
        assert result.exit_code == 1
        assert f"127.0.0.1:{milvus_server.port} is not ready" in result.output
    finally:
        milvus_server.start()
    deadline = time.monotonic() + 120
    while app.get("/readyz").status_code != 200:
        answer = search()
        assert answer.status_code in (200, 503)
        assert time.monotonic() < deadline, app.get("/readyz").text
        time.sleep(0.2)
    assert search().json()["candidates"][0]["product_id"] == "A/3"


PROGRAM = """
import sys
from pathlib import Path
from index.jobs.reindex import reindex
from index.generations import generations
from index.jobs.forget import find_entry, forget
from index.progress import Unwatched
from index.workspace import Workspace
from service.application import create_app
from starlette.testclient import TestClient
from tests.fakes import ColourEncoder, add_feed
import service.cli.main
workspace = Workspace.create(Path(sys.argv[1]), "colour-64")
add_feed(workspace, "shop", "catalogue", Path(sys.argv[2]))
reindex(workspace, ColourEncoder(), Unwatched())
with TestClient(create_app(workspace, ColourEncoder()), base_url="http://127.0.0.1") as client:
    answer = client.post("/v1/search", files={"image": Path(sys.argv[3]).read_bytes()})
    assert answer.status_code == 200, answer.text
forget(workspace, find_entry(workspace, "catalogue", "P1"))
loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("pymilvus", "grpc", "milvus"))
assert not loaded, loaded
assert not (workspace.root / "engine.name").exists()
"""


def test_on_one_machine_nothing_of_it_is_imported(tmp_path):
    """Nights, searches, and forgetting."""
    feed = write_feed(tmp_path / "shop", [{"product_id": f"P{seed}", "title": "t"} for seed in range(3)], range(3))
    arguments = [str(tmp_path / "workspace"), str(feed), str(tmp_path / "shop" / "pictures" / "1.png")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
