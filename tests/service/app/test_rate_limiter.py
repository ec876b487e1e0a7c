"""The search rate limit: by token, account or address, never by a header that any client can forge."""

import httpx
import pytest
from starlette.testclient import TestClient

from index.workspace import SETTINGS, Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.rate_limiter import MAX_KEYS, RateLimiter, address_key
from service.application import create_app
from service.problems import Problem
from service.tables import open_service_database
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE, make_workspace
from tests.service.running import in_a_process

A_MINUTE = 3


def test_what_is_kept_is_bounded():
    rate = RateLimiter(1, 1e9)
    for number in range(MAX_KEYS + 1):
        rate.take(str(number))
    rate.take("0")
    with pytest.raises(Problem):
        rate.take(str(MAX_KEYS))


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_network_of_one_person_counts_as_one(host, key):
    assert address_key(host) == key


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """With users and few searches a minute."""
    made = make_workspace(tmp_path_factory.mktemp("measured"))
    path = made.root / SETTINGS
    path.write_text(path.read_text().replace("searches_a_minute = 30", f"searches_a_minute = {A_MINUTE}"))
    return Workspace.open(made.root)


@pytest.fixture(scope="module")
def secrets(workspace):
    database = open_service_database(workspace)
    accounts = Accounts(database)
    accounts.add("ann", Role.INVESTIGATOR, "a long enough password")
    found = [accounts.issue("ann", ("read", "search"), 1)[1] for _ in range(2)]
    database.close()
    return found


@pytest.fixture
def server(workspace, secrets):
    with TestClient(create_app(workspace, ColourEncoder(), single_user=False), base_url=HERE) as client:
        yield client


def search(client, png, **headers):
    return client.post("/v1/search", files={"image": png}, data={"collection": "objects"}, headers=headers)


def test_an_address_is_answered_with_retry_after(server, png):
    assert [search(server, png).status_code for _ in range(A_MINUTE)] == [200] * A_MINUTE
    answer = search(server, png, **{"X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60 / A_MINUTE
    page = server.post("/recognise", files={"image": png}, headers={"Accept-Language": "fr"})
    assert page.status_code == 429
    assert "Patientez" in page.text
    assert page.headers["retry-after"]
    assert server.get("/recognise").status_code == 200


def test_each_token_has_its_own_limit(server, png, secrets):
    first, second = ({"Authorization": f"Bearer {secret}"} for secret in secrets)
    assert [search(server, png, **first).status_code for _ in range(A_MINUTE + 1)] == [200] * A_MINUTE + [429]
    assert search(server, png, **second).status_code == 200
    assert search(server, png).status_code == 200


def test_single_user_mode_does_not_count(client, png):
    assert {search(client, png).status_code for _ in range(40)} == {200}


@pytest.mark.slow
@pytest.mark.parametrize("trusted", [True, False])
def test_forwarded_addresses_count_only_from_a_trusted_proxy(workspace, secrets, png, tmp_path, trusted):
    path = workspace.root / SETTINGS
    settings = path.read_text()
    if trusted:
        path.write_text(settings.replace("trusted_proxies = []", 'trusted_proxies = ["127.0.0.1"]'))
    try:
        with in_a_process(workspace.root, tmp_path / "errors") as (_, address), httpx.Client(base_url=address) as http:
            found = [search(http, png, **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code for number in range(5)]
    finally:
        path.write_text(settings)
    assert found == ([200] * 5 if trusted else [200, 200, 200, 429, 429])
