"""Prometheus metrics: what is counted, who may read them, and that they hold no personal data."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from embedding.local import available
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from index.workspace import SETTINGS, Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.gate import UPLOAD_THRESHOLD, FaceGate
from service.app.stopping import Stopping
from service.application import create_app
from service.reports.run_history import RunHistory
from service.reports.run_record import RunRecord
from service.tables import open_service_database
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE, make_workspace
from tests.service.problem_checks import problem_of

LOCAL, ELSEWHERE = ("127.0.0.1", 50000), ("203.0.113.7", 50000)
PASSWORD = "a long enough password"


def figures(client, **headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if "le" not in sample.labels
    }


@pytest.fixture
def server(indexed):
    app = create_app(indexed, ColourEncoder(), gate=FaceGate(UPLOAD_THRESHOLD))
    with TestClient(app, base_url=HERE, client=LOCAL) as client:
        yield client


def test_a_search_is_measured_by_its_steps(server, png):
    server.post("/v1/search", files={"image": ("secret-name.png", png)}, data={"collection": "objects"})
    server.post("/v1/search", files={"image": png}, data={"filter": "brand=Secret"})
    server.post("/v1/search", files={"image": b"nothing"})
    found = figures(server)
    counts = {step: found["traceobject_step_seconds_count", step] for step in ("gate", "embed", "first_stage")}
    assert counts == {"gate": 2, "embed": 2, "first_stage": 2}
    assert found["traceobject_step_seconds_count", "decode"] == 3
    assert found["traceobject_step_seconds_count", "rerank"] == 2
    assert found["traceobject_requests_total", "/v1/search", "200", "POST"] == 2
    assert found["traceobject_requests_total", "/v1/search", "415", "POST"] == 1
    assert found["traceobject_request_seconds_count", "/v1/search"] == 3
    assert found[("traceobject_queued_searches",)] == 0
    assert found[("traceobject_generation",)] == 1
    assert 0 <= found[("traceobject_generation_age_seconds",)] < 3600
    assert "ecret" not in server.get("/metrics").text


def test_words_that_a_client_can_make_up_are_no_labels(server):
    server.get("/no/such/page")
    server.request("SECRET", "/v1/search")
    server.get("/v1/products/SECRET")
    metrics = server.get("/metrics").text
    assert "SECRET" not in metrics
    assert 'route="none",status="404"' in metrics
    assert 'method="other"' in metrics


def test_without_a_generation_it_is_zero(tmp_path):
    workspace = Workspace.create(tmp_path / "w", "colour-64")
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE, client=LOCAL) as client:
        assert figures(client)[("traceobject_generation",)] == 0


@pytest.mark.skipif(not available(), reason="the extra `clip` is not installed")
def test_features_are_counted_as_hit_or_miss(indexed, tmp_path):
    lookups = []
    store = FeatureStore(FolderObjects(tmp_path), ImageStore(indexed.objects), on_lookup=lookups.append)
    image = next(path.stem for path in (indexed.root / "images").rglob("*.jpg"))
    store.get([image])
    store.get([image])
    assert lookups == [False, True]


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("public"))
    database = open_service_database(workspace)
    accounts = Accounts(database)
    tokens = {}
    for role in (Role.INVESTIGATOR, Role.ADMINISTRATOR):
        accounts.add(role.word, role, PASSWORD)
        tokens[role] = accounts.issue(role.word, ("read",), 1)[1]
    database.close()
    return workspace, tokens


def status(public, client, **headers):
    with TestClient(create_app(public[0], ColourEncoder(), single_user=False), base_url=HERE, client=client) as opened:
        return opened.get("/metrics", headers=headers).status_code


def test_only_this_machine_and_administrators_read_them(public):
    bearer = {role: {"Authorization": f"Bearer {token}"} for role, token in public[1].items()}
    assert status(public, LOCAL) == 200
    assert status(public, ELSEWHERE) == 401
    assert status(public, ELSEWHERE, **bearer[Role.INVESTIGATOR]) == 403
    assert status(public, ELSEWHERE, **bearer[Role.ADMINISTRATOR]) == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_what_a_proxy_hands_on_is_not_this_machine(public, header):
    assert status(public, LOCAL, **{header: "203.0.113.7"}) == 401


class TestReadiness:
    @pytest.fixture
    def workspace(self, tmp_path):
        return make_workspace(tmp_path)

    def ready(self, workspace):
        with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
            return client.get("/readyz")

    def keep(self, workspace, hours, outcome):
        ended = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")
        RunHistory.of(workspace).add(RunRecord(ended, ended, 1.0, outcome))

    def test_a_workspace_without_recorded_runs_is_never_stale(self, workspace):
        assert self.ready(workspace).status_code == 200

    @pytest.mark.parametrize("outcome", ["published", "unchanged"])
    def test_a_successful_run_two_days_ago_is_fresh_and_three_days_ago_is_stale(self, workspace, outcome):
        self.keep(workspace, 72, outcome)
        answer = self.ready(workspace)
        assert answer.status_code == 503
        assert answer.json()["reason"] == "INDEX-STALE"
        assert answer.json()["type"] == "/problems/index-stale"
        assert int(answer.headers["retry-after"]) > 0
        self.keep(workspace, 48, outcome)
        assert self.ready(workspace).status_code == 200

    def test_a_load_balancer_may_ask_all_the_same(self, workspace):
        """Every server has the same index: one that is stale must not take all of them away."""
        self.keep(workspace, 72, "published")
        with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
            assert client.get("/readyz", params={"stale": "pass"}).status_code == 200
            assert client.get("/readyz", params={"stale": "fail"}).status_code == 503
            assert client.get("/readyz", params={"stale": "maybe"}).status_code == 422

    @pytest.mark.parametrize("outcome", ["failed", "withheld"])
    def test_failed_runs_do_not_count(self, workspace, outcome):
        self.keep(workspace, 72, "published")
        self.keep(workspace, 1, outcome)
        assert self.ready(workspace).status_code == 503

    def test_the_setting_says_when(self, workspace):
        self.keep(workspace, 72, "published")
        path = workspace.root / SETTINGS
        path.write_text(path.read_text().replace("stale_hours = 49.0", "stale_hours = 0"))
        assert self.ready(Workspace.open(workspace.root)).status_code == 200

    def test_searches_are_answered_all_the_same(self, workspace, png):
        self.keep(workspace, 72, "published")
        with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
            assert client.post("/v1/search", files={"image": png}).status_code == 200

    def test_the_problem_says_what_to_do(self, client):
        assert "reindex" in json.dumps(client.get("/problems/index-stale").json())


def test_a_server_that_is_about_to_stop_says_so_answers_and_closes_its_connections(indexed, png):
    stopping = Stopping()
    with TestClient(create_app(indexed, ColourEncoder(), stopping=stopping), base_url=HERE) as client:
        assert client.get("/readyz").status_code == 200
        assert "connection" not in client.get("/healthz").headers
        stopping.now = True
        answer = client.get("/readyz")
        assert "stopping" in problem_of(answer, 503, "unavailable")["detail"]
        assert int(answer.headers["retry-after"]) > 0
        for answer in (client.get("/healthz"), client.post("/v1/search", files={"image": png})):
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
