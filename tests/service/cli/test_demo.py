"""The demo, small: what it makes is served with its objects, and its workbench and alerts behind its own sign-in."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from index.workspace import Workspace
from service.application import create_app
from service.cli import demo
from service.cli.main import main
from service.demo.sample import copy_sample
from tests.fakes import ColourEncoder
from tests.service.accounts_workspace import FROM_OWN_PAGE
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check

# Enough for every kind, and for a generation that is calibrated.
PRODUCTS = 36


@pytest.mark.slow
def test_is_served_with_its_objects_and_a_sign_in_of_its_own(tmp_path, monkeypatch):
    def pinned(workspace, say):
        card = ColourEncoder().card
        return workspace.pin_model(card.name, card.sha256, "for the test"), ColourEncoder()

    # What the command sets for its own process.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("cv2.setNumThreads", lambda _: None)
    monkeypatch.setattr(demo, "workspace_encoder", pinned)
    monkeypatch.setattr(demo, "copy_sample", lambda folder: copy_sample(folder, PRODUCTS))
    monkeypatch.setattr(demo, "reranker_for", lambda workspace: None)
    root = tmp_path / "demo"
    result = CliRunner().invoke(main, ["--workspace", str(root), "demo"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "right match" in (root / "sheet.html").read_text(encoding="utf-8")
    [(name, password)] = re.findall(r"as (\S+), password (\S+);", result.output)
    app = create_app(Workspace.open(root), ColourEncoder())
    with TestClient(app, base_url=HERE, headers=FROM_OWN_PAGE) as client:
        assert check(client.get("/")).attributes("img", "src")
        assert client.get("/workbench").url.path == "/sign-in"
        form = {"name": (None, name), "password": (None, password), "next": (None, "/workbench/alerts")}
        alerts = client.post("/sign-in", files=form)
        assert alerts.url.path == "/workbench/alerts"
        check(alerts)
        assert client.get("/workbench").url.path == "/workbench"
