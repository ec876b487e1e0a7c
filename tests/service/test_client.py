"""The Python client against a real server, with the tokens of real accounts."""

from __future__ import annotations

import ast
import hashlib
import sys
from pathlib import Path

import httpx
import pytest

import service.client
from index.jobs.alerts import Alert as StoredAlert
from index.jobs.alerts import add_alerts
from index.records.database import Database
from service.application import create_app
from service.client import Client, ServerRefused
from tests.fakes import ColourEncoder
from tests.service.running import in_a_thread


@pytest.fixture(scope="module")
def server(with_accounts):
    app = create_app(with_accounts, ColourEncoder())
    with in_a_thread(app) as port:
        yield app, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def client(server):
    app, address = server
    _, secret = app.state.accounts.issue("ines", ("read", "search", "write"), 1)
    with Client(address, secret) as opened:
        yield opened


def test_needs_nothing_of_this_package():
    names = set()
    for node in ast.walk(ast.parse(Path(service.client.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names - sys.stdlib_module_names == {"httpx"}


def test_searches_the_catalogue(client, png, tmp_path):
    (tmp_path / "crop.png").write_bytes(png)
    answer = client.search([tmp_path / "crop.png", png], boxes=[(0, 0, 1, 1), (0.1, 0.1, 1, 1)], limit=3)
    assert [candidate.rank for candidate in answer.candidates] == [1, 2, 3]
    first = answer.candidates[0]
    assert (first.product_id, first.source, first.title) == ("A/3", "luma", "Thing 3")
    assert (first.category, first.images, first.specificity["entries"]) == ("Bags/Small", [first.image], 1)
    assert (answer.generation, answer.model, answer.collection) == (client.generation(), "colour-64", "catalogue")
    assert len(first.evidence["similarity"]) == 2
    luma = client.search([png], filters=[("brand", "Luma")], rerank=False)
    assert {candidate.brand for candidate in luma.candidates} == {"Luma"}


def test_searches_the_objects_without_a_token(server, png):
    with Client(server[1]) as anybody:
        answer = anybody.search([png], collection="objects")
        assert {candidate.product_id for candidate in answer.candidates} <= {f"2024-{n}" for n in range(5)}
        assert answer.candidates[0].source in ("", "police")
        assert {candidate.object_id for candidate in answer.candidates} <= {f"2024-{n}" for n in range(5)}
        with pytest.raises(ServerRefused) as refused:
            anybody.search([png])
    assert (refused.value.status, refused.value.type) == (401, "/problems/sign-in-needed")


def test_reads_products_objects_and_pictures(client):
    product = client.product("A/1", source="nova")
    assert (product.title, product.category) == ("Another thing", "Toys")
    assert client.image(product.images[0]).startswith(b"\xff\xd8")
    assert client.object("2024-1").kind == "toys"
    assert [one.object_id for one in client.objects()] == ["2024-3", "2024-1", "2024-0", "2024-4", "2024-2"]
    assert [one.object_id for one in client.objects(status="closed")] == ["2024-3"]
    with pytest.raises(ServerRefused, match=r"several|Several") as refused:
        client.product("A/1")
    assert refused.value.members["sources"] == ["luma", "nova"]


def test_keeps_and_changes_leads(client):
    kept = client.keep_lead("2024-0", "A/3", note="Same seam.", query_id="q")
    assert (kept.object_id, kept.object_source, kept.state) == ("2024-0", "police", "open")
    assert kept.product["title"] == "Thing 3"
    changed = client.change_lead(kept.id, "confirmed")
    assert [change.state for change in changed.changes] == ["open", "confirmed"]
    assert client.lead(kept.id) == changed
    finding = client.keep_lead("2024-1")
    assert (finding.product, finding.state) == (None, "not_in_catalogue")
    assert client.leads(state="confirmed") == [changed]
    assert client.leads(object_id="2024-1") == [finding]


def test_reads_alerts_and_dossiers(client, with_accounts):
    sha256 = hashlib.sha256(b"x").hexdigest()
    stored = StoredAlert(
        "police", "2024-0", "luma", "A/3", "Object 0", "Thing 3", "", "", "", sha256, sha256, 0.9, 1, "2026-01-02"
    )
    database = Database.open(with_accounts.database_url)
    add_alerts(database, [stored])
    database.close()
    # The workspace is a copy of one that may have alerts of other tests.
    [alert] = [one for one in client.alerts(since="2026-01-01") if one.likelihood == 0.9]
    assert (alert.product_id, alert.object_title, alert.reported) == ("A/3", "Object 0", None)
    assert alert not in client.alerts(since="2026-01-03")
    assert client.dossier("2024-0").startswith(b"%PDF-")
    assert b'<html lang="fr">' in client.dossier("2024-0", form="html", language="fr")


def test_reads_the_audit_page_by_page(server, client, png):
    client.search([png])
    app, address = server
    _, secret = app.state.accounts.issue("ada", ("read",), 1)
    with Client(address, secret) as administrator:
        records = list(administrator.audit())
        assert [record["number"] for record in records] == list(range(1, len(records) + 1))
        assert records[-1]["kind"] == "search"
        assert list(administrator.audit(after=len(records))) == []
    with pytest.raises(ServerRefused) as refused:
        list(client.audit())
    assert refused.value.status == 403


def scripted(*answers):
    """A transport that gives these responses in order."""
    left = list(answers)
    return httpx.MockTransport(lambda request: left.pop(0))


def busy(seconds):
    return httpx.Response(503, headers={"Retry-After": str(seconds)}, json={"title": "Busy", "type": "/problems/busy"})


def test_waits_for_a_server_that_is_busy():
    answers = scripted(busy(0), busy(0), httpx.Response(200, json={"generation": 7}))
    with Client("http://here", transport=answers) as client:
        assert client.generation() == 7


def test_does_not_wait_longer_than_it_may():
    with (
        Client("http://here", patience=1, transport=scripted(busy(20))) as client,
        pytest.raises(ServerRefused) as refused,
    ):
        client.generation()
    assert refused.value.type == "/problems/busy"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>"),
        httpx.Response(500, json=["no problem"]),
        httpx.Response(307, headers={"Location": "http://elsewhere"}),
    ],
)
def test_reports_a_response_that_is_not_of_this_server(answer):
    with (
        Client("http://here", "to_secret", transport=scripted(answer)) as client,
        pytest.raises(ServerRefused) as refused,
    ):
        client.generation()
    assert refused.value.status == answer.status_code
