"""OpenID Connect: the whole flow with a small issuer, and every way in which a token can be invalid."""

from __future__ import annotations

import base64
import hashlib
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.attempts import MemoryAttempts
from service.accounts.openid import OpenIdRefused
from service.accounts.openid_client import openid_of
from service.accounts.roles import Role
from service.app.limits import ServerLimits
from service.application import create_app
from service.tables import open_service_database
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check
from tests.service.running import in_a_thread

CLIENT, SECRET, NAME = "traceobject", "a secret: 100 %+2F", "olga@police.example"


class Issuer:
    """An OpenID Connect issuer whose tokens have `claims` and are signed by `signs_with`."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.signs_with, self.algorithm, self.address = self.key, "RS256", ""
        self.publishes: RSAKey | OctKey = self.key
        self.claims: dict[str, object] = {}
        self.metadata: dict[str, object] = {}
        self.answer: dict[str, object] = {}
        self.asked: dict[str, str] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def discovery(self, _: Request) -> JSONResponse:
        endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        urls = {name: f"{self.address}/{path}" for name, path in endpoints.items()}
        return JSONResponse({"issuer": self.address, **urls, **self.metadata})

    async def keys(self, _: Request) -> JSONResponse:
        private = self.publishes is not self.key
        return JSONResponse(KeySet([self.publishes]).as_dict(private=private))

    async def token(self, request: Request) -> JSONResponse:
        form = await request.form()
        name, _, secret = base64.b64decode(request.headers["authorization"].split()[1]).decode().partition(":")
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        proof = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        known = (name, unquote_plus(secret), form["code"], form["redirect_uri"], proof)
        if known != (CLIENT, SECRET, "the-code", self.asked["redirect_uri"], self.asked["code_challenge"]):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.address, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": self.asked["nonce"],
            "email": NAME, "email_verified": True, **self.claims,
        }  # fmt: skip
        claims = {key: value for key, value in claims.items() if value is not None}
        signed = jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, self.signs_with, algorithms=[self.algorithm])
        answer = {"access_token": "x", "token_type": "Bearer", "id_token": signed, **self.answer}
        return JSONResponse({key: value for key, value in answer.items() if value is not None})


@pytest.fixture(scope="module")
def running(with_accounts):
    issuer = Issuer()
    with in_a_thread(issuer.app) as port:
        issuer.address = f"http://127.0.0.1:{port}"
        with closing(open_service_database(with_accounts)) as database:
            Accounts(database).add(NAME, Role.INVESTIGATOR, None)
            Accounts(database).add("gone@police.example", Role.INVESTIGATOR, None)
            Accounts(database).disable("gone@police.example")
        settings = replace(with_accounts.settings, oidc_issuer=issuer.address, oidc_client_id=CLIENT)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRACEOBJECT_OIDC_SECRET", SECRET)
            app = create_app(
                Workspace(with_accounts.root, settings), ColourEncoder(), limits=ServerLimits(sign_ins=10_000)
            )
            with TestClient(app, base_url=HERE, follow_redirects=False) as client:
                yield issuer, client


@pytest.fixture
def issuer(running):
    issuer, client = running
    client.cookies.clear()
    issuer.claims, issuer.signs_with, issuer.algorithm = {}, issuer.key, "RS256"
    issuer.publishes, issuer.metadata, issuer.answer = issuer.key, {}, {}
    return issuer


@pytest.fixture
def client(running):
    return running[1]


def sent(issuer, client, onward="/workbench/leads"):
    """Begin a sign-in; the parameters of the authorization request."""
    answer = client.get("/sign-in/openid", params={"next": onward})
    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{issuer.address}/authorize?")
    issuer.asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    return issuer.asked


def back(client, **query):
    return client.get("/sign-in/return", params={"code": "the-code", **query})


def test_the_way_round(issuer, client):
    assert "/sign-in/openid?next=/workbench" in client.get("/sign-in").text
    asked = sent(issuer, client)
    assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
    assert asked["redirect_uri"] == f"{HERE}/sign-in/return"
    assert "openid" in asked["scope"].split()
    answer = back(client, state=asked["state"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/leads")
    assert NAME in client.get("/workbench").text
    records = list(client.app.state.services.audit.records())
    assert (records[-1]["kind"], records[-1]["who"]) == ("sign-in", NAME)


def refused(client, answer):
    assert answer.status_code == 401
    check(answer)
    assert "session" not in client.cookies
    assert list(client.app.state.services.audit.records())[-1]["kind"] == "sign-in refused"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": "another", "azp": CLIENT},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"email": ["x"]},
        {"email": "nobody@police.example"},
        {"email": "gone@police.example"},
    ],
)
def test_a_token_that_says_something_else_opens_nothing(issuer, client, claims):
    issuer.claims = claims
    refused(client, back(client, state=sent(issuer, client)["state"]))


def test_a_token_that_another_signed_opens_nothing(issuer, client):
    issuer.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    refused(client, back(client, state=sent(issuer, client)["state"]))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_signature_that_anybody_can_make_opens_nothing_though_the_issuer_lists_it(issuer, client, algorithm):
    issuer.metadata = {"id_token_signing_alg_values_supported": ["RS256", "none", "HS256"]}
    known_to_all = OctKey.import_key("0" * 32, {"kid": "one"})
    issuer.algorithm, issuer.signs_with, issuer.publishes = algorithm, known_to_all, known_to_all
    refused(client, back(client, state=sent(issuer, client)["state"]))
    issuer.algorithm, issuer.signs_with, issuer.publishes = "RS256", issuer.key, issuer.key
    assert back(client, state=sent(issuer, client)["state"]).status_code == 303


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_an_algorithm_that_the_issuer_lists_is_taken(issuer, client, algorithm):
    issuer.metadata = {"id_token_signing_alg_values_supported": ["RS256", "PS256"]}
    issuer.algorithm = algorithm
    assert back(client, state=sent(issuer, client)["state"]).status_code == 303


def test_an_answer_without_an_identity_token_opens_nothing(issuer, client):
    issuer.answer = {"id_token": None}
    refused(client, back(client, state=sent(issuer, client)["state"]))


def test_a_token_that_belongs_to_another_access_token_opens_nothing(issuer, client):
    issuer.claims = {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}
    refused(client, back(client, state=sent(issuer, client)["state"]))


def test_metadata_of_another_issuer_are_refused(issuer, client):
    issuer.metadata = {"issuer": "https://another.example"}
    refused(client, client.get("/sign-in/openid"))


def test_metadata_set_no_option_of_the_client(issuer, client):
    issuer.metadata = {
        "client_id": "another", "verify": False, "proxy": "http://127.0.0.1:9", "base_url": "http://127.0.0.1:9",
        "response_mode": "form_post", "jwks": {"keys": []},
    }  # fmt: skip
    asked = sent(issuer, client)
    assert asked["client_id"] == CLIENT
    assert "response_mode" not in asked
    assert back(client, state=asked["state"]).status_code == 303


def test_a_sign_in_that_takes_too_long_opens_nothing(issuer, client, monkeypatch):
    state = sent(issuer, client)["state"]
    later = SimpleNamespace(time=lambda: time.time() + 601)
    monkeypatch.setattr("service.accounts.attempts.time", later)
    refused(client, back(client, state=state))


def test_a_cookie_of_strange_letters_opens_nothing(issuer, client):
    state = sent(issuer, client)["state"]
    client.cookies.clear()
    answer = client.get(
        "/sign-in/return", params={"code": "the-code", "state": state}, headers={"cookie": b"sign-in=\xe9"}
    )
    refused(client, answer)


def test_a_code_of_somebody_else_opens_nothing(issuer, client):
    refused(client, back(client, state=sent(issuer, client)["state"], code="another"))


def test_another_browser_cannot_finish_what_this_one_began(issuer, client):
    state = sent(issuer, client)["state"]
    client.cookies.clear()
    refused(client, back(client, state=state))


def test_an_attempt_is_good_once(issuer, client):
    state = sent(issuer, client)["state"]
    cookie = {"cookie": f"sign-in={client.cookies['sign-in']}"}
    assert back(client, state=state).status_code == 303
    client.cookies.clear()
    refused(client, client.get("/sign-in/return", params={"code": "the-code", "state": state}, headers=cookie))


def test_an_address_that_nobody_was_sent_to_opens_nothing(issuer, client):
    refused(client, back(client))
    refused(client, back(client, state="x"))


def test_leads_to_no_other_site(issuer, client):
    asked = sent(issuer, client, "https://evil.example/")
    assert back(client, state=asked["state"]).headers["location"] == "/workbench"


def test_an_account_without_password_has_none(client):
    assert client.app.state.accounts.sign_in(NAME, "") is None


def test_an_unreachable_issuer_is_reported(with_accounts):
    settings = replace(with_accounts.settings, oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT)
    openid = openid_of(settings, MemoryAttempts())
    with pytest.raises(OpenIdRefused, match="cannot be used"):
        openid.begin("http://here/sign-in/return", "/workbench")


@pytest.mark.parametrize(
    "wrong", [{"oidc_issuer": "https://login.example"}, {"oidc_issuer": "http://login.example", "oidc_client_id": "x"}]
)
def test_incomplete_settings_are_reported(with_accounts, wrong):
    with pytest.raises(OpenIdRefused, match="oidc_"):
        openid_of(replace(with_accounts.settings, **wrong), MemoryAttempts())


def test_without_settings_there_is_none(app_client):
    assert app_client.get("/sign-in/openid", follow_redirects=False).status_code == 404
    assert "/sign-in/openid" not in app_client.get("/sign-in").text
