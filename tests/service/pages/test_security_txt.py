"""/.well-known/security.txt, as RFC 9116 asks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from index.workspace import Workspace
from service.application import create_app
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE


def test_names_the_contact_and_expires_within_a_year(indexed):
    workspace = Workspace(indexed.root, replace(indexed.settings, security_contact="mailto:security@example.org"))
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
        answer = client.get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@example.org"
    assert timedelta(days=30) < datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC) < timedelta(days=365)


def test_without_a_contact_there_is_none(client):
    answer = client.get("/.well-known/security.txt")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "this server names no contact for reports of weaknesses"
