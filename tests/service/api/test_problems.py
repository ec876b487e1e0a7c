"""Every response: problem details, security headers, known hosts, a log without personal data."""

from __future__ import annotations

import json
import logging

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from index.errors import WorkspaceError
from service.application import create_app
from service.http.logs import JsonLines
from service.problems import KINDS
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE
from tests.service.problem_checks import problem_of

SECRET = "surveillance target"


class BrokenEncoder(ColourEncoder):
    def __init__(self, error):
        super().__init__()
        self._error = error

    def encode_images(self, images):
        raise self._error


@pytest.fixture
def log(caplog):
    """The server's log lines, parsed; without those of the test's HTTP client."""
    caplog.set_level(logging.INFO)

    def lines():
        return [json.loads(JsonLines().format(record)) for record in caplog.records if "httpx" not in record.name]

    return lines


def test_an_unknown_address(client):
    problem_of(client.get("/v2/search"), 404, "not-found")
    problem_of(client.get("/docs/swagger/none.js"), 404, "not-found")
    problem_of(client.get("/problems/none"), 404, "not-found")


def test_another_method(client):
    answer = client.get("/v1/search")
    problem_of(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    problem_of(client.delete("/v1/objects"), 405, "method-not-allowed")


@pytest.mark.parametrize("error", [KeyError(SECRET), WorkspaceError(SECRET)])
def test_an_internal_error_is_only_in_the_log(indexed, png, log, error):
    with TestClient(create_app(indexed, BrokenEncoder(error)), base_url=HERE) as broken:
        answer = broken.post("/v1/search", files={"image": png})
    problem = problem_of(answer, 500, "internal")
    assert SECRET not in answer.text
    assert type(error).__name__ not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    line = next(line for line in log() if line["message"] == "request failed")
    assert line["exception"] == type(error).__name__
    assert problem["instance"] == f"urn:uuid:{line['request']}"
    assert any("encode_images" in place for place in line["raised_at"])
    assert SECRET not in json.dumps(log())


def test_a_fault_below_a_page_is_in_the_log_too(indexed, png, log):
    with TestClient(create_app(indexed, BrokenEncoder(WorkspaceError(SECRET))), base_url=HERE) as broken:
        answer = broken.post("/recognise", files={"image": png})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert [line["exception"] for line in log() if line["message"] == "request failed"] == ["WorkspaceError"]


def test_every_type_leads_to_what_to_do(client):
    for name, kind in KINDS.items():
        body = client.get(kind.type).json()
        assert (body["type"], body["status"], body["advice"]) == (f"/problems/{name}", kind.status, kind.advice)


def test_without_a_generation_nothing_is_ready(tmp_path, png):
    from index.workspace import Workspace

    workspace = Workspace.create(tmp_path / "empty", "colour-64")
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as empty:
        assert empty.get("/healthz").json() == {"status": "alive"}
        for answer in (empty.get("/readyz"), empty.get("/v1/objects"), empty.post("/v1/search", files={"image": png})):
            assert "reindex" in problem_of(answer, 503, "not-ready")["detail"]
            assert int(answer.headers["retry-after"]) > 0
            assert str(tmp_path) not in answer.text


def test_ready_names_generation_and_model(client):
    body = client.get("/readyz").json()
    assert body.pop("created").endswith("+00:00")
    assert body == {"status": "ready", "generation": 1, "model": "colour-64", "fault": None}


@pytest.mark.parametrize("path", ["/healthz", "/v1/objects", "/nowhere", "/problems/busy", "/openapi.json"])
def test_every_answer_is_safe_in_a_browser(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_other_sites_get_no_permission(client):
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/v1/search", headers=asked)
    assert preflight.status_code == 405
    answer = client.get("/v1/objects", headers=asked)
    assert not [name for name in (*preflight.headers, *answer.headers) if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/healthz", "/v1/objects", "/docs", "/nowhere"])
def test_head_is_get_without_its_body(client, path):
    got, asked = client.get(path), client.head(path)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]


class TestHosts:
    @pytest.fixture
    def guarded(self, indexed):
        with TestClient(create_app(indexed, ColourEncoder(), hosts={"127.0.0.1", "[::1]"}), base_url=HERE) as opened:
            yield opened

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"])
    def test_its_own_names_are_answered(self, guarded, host):
        assert guarded.get("/healthz", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.rebound.example:8080", "", "127.0.0.2", "[::2]:80"])
    def test_others_are_not(self, guarded, host):
        answer = guarded.get("/v1/objects", headers={"Host": host})
        problem_of(answer, 421, "unknown-host")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_log_keeps_nobodys_data(client, png, log):
    asked = {"text": SECRET, "filter": f"brand={SECRET}"}
    client.post("/v1/search", files={"image": (f"{SECRET}.png", png)}, data=asked, headers={"User-Agent": SECRET})
    client.get(f"/v1/products/{SECRET}?source={SECRET}")
    lines = [line for line in log() if line["message"] == "request"]
    assert SECRET not in json.dumps(lines)
    assert "testclient" not in json.dumps(lines)
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/search", 200),
        ("GET", "/v1/products/{product_id:path}", 404),
    ]


def test_a_log_line_is_one_json_object():
    record = logging.makeLogRecord({"msg": "two\nlines %s", "args": ("é",), "levelno": 30, "levelname": "WARNING"})
    record.generation = 3
    text = JsonLines().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert (line["message"], line["level"], line["generation"]) == ("two\nlines é", "warning", 3)


def is_traced(app) -> bool:
    scopes = []

    @app.middleware("http")
    async def note(request, call_next):
        scopes.append(dict(request.scope))
        return await call_next(request)

    with TestClient(app, base_url=HERE) as opened:
        opened.get("/healthz")
    (scope,) = scopes
    return "fastapi.telemetry" in scope


def test_nothing_is_exported_to_a_collector(indexed, monkeypatch):
    trace = pytest.importorskip("opentelemetry.trace")

    class Collecting(trace.TracerProvider):
        def get_tracer(self, *_, **__):
            return trace.NoOpTracer()

    collecting = Collecting()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: collecting)
    if not is_traced(FastAPI()):
        pytest.skip("this FastAPI traces nothing by itself")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert not is_traced(create_app(indexed, ColourEncoder()))
