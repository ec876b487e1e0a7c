"""Accounts, sessions and tokens, and the sign-in page in front of them."""

from __future__ import annotations

import time
from contextlib import closing

import httpx
import pytest
import sqlalchemy as sa
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from starlette.testclient import TestClient

from service.accounts import accounts as accounts_module
from service.accounts.accounts import AccountInvalid, Accounts
from service.accounts.roles import Role
from service.app.limits import ServerLimits
from service.application import create_app
from service.tables import open_service_database, sessions, tokens, users
from tests.fakes import ColourEncoder
from tests.service.accounts_workspace import FROM_OWN_PAGE, PASSWORD, signed_in
from tests.service.pages.page_checks import check
from tests.service.problem_checks import problem_of
from tests.service.running import in_a_process

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

GOOD = {"name": "ines", "password": PASSWORD}


@pytest.fixture(scope="module")
def database(with_accounts):
    with closing(open_service_database(with_accounts)) as opened:
        yield opened


@pytest.fixture
def accounts(database):
    return Accounts(database)


def post(client, path, fields=None, **options):
    """Send a form as a browser does from the site's own page."""
    files = {name: (None, text) for name, text in (fields or {"nothing": ""}).items()}
    return client.post(path, files=files, **{"headers": FROM_OWN_PAGE, "follow_redirects": False, **options})


def later(monkeypatch, seconds):
    there = time.time() + seconds
    monkeypatch.setattr(accounts_module.time, "time", lambda: there)


class TestPasswords:
    def test_cost_an_attacker_what_rfc_9106_asks(self, quick_passwords):
        """Its second recommended option, for little memory."""
        assert extract_parameters(quick_passwords.hash(PASSWORD)) == RFC_9106_LOW_MEMORY

    def test_are_kept_as_argon2id_hashes(self, accounts, database):
        with database.connect() as connection:
            kept = connection.execute(sa.select(users.c.password)).scalars().all()
        assert len(kept) == 3
        assert all(text.startswith("$argon2id$") and PASSWORD not in text for text in kept)
        assert len(set(kept)) == 3

    @pytest.mark.parametrize("password", ["", "short", "x" * 1001])
    def test_that_are_too_short_or_too_long_are_refused(self, accounts, password):
        with pytest.raises(AccountInvalid, match="12 to 1000"):
            accounts.add("new", Role.INVESTIGATOR, password)

    @pytest.mark.parametrize("name", ["", "-ines", "a b", "a\n", "x" * 65, "ï"])
    def test_belong_to_names_that_can_be_written(self, accounts, name):
        with pytest.raises(AccountInvalid, match="letters"):
            accounts.add(name, Role.INVESTIGATOR, PASSWORD)

    def test_of_a_name_that_is_taken_stay_as_they_are(self, accounts):
        with pytest.raises(AccountInvalid, match="already"):
            accounts.add("ines", Role.ADMINISTRATOR, "another password")
        assert accounts.sign_in("ines", "another password") is None

    @pytest.mark.parametrize(
        ("name", "password"), [("ines", "wrong password"), ("nobody", PASSWORD), ("Ines", PASSWORD)]
    )
    def test_let_nobody_else_in(self, accounts, name, password):
        assert accounts.sign_in(name, password) is None


class TestSessions:
    def test_end_after_their_time(self, accounts, monkeypatch):
        secret = accounts.sign_in("ines", PASSWORD)
        assert accounts.of_session(secret).name == "ines"
        later(monkeypatch, accounts_module.SESSION_SECONDS + 1)
        assert accounts.of_session(secret) is None

    def test_are_kept_as_hashes(self, accounts, database):
        secret = accounts.sign_in("ines", PASSWORD)
        with database.connect() as connection:
            kept = connection.execute(sa.select(sessions)).all()
        assert secret not in str(kept)

    def test_end_with_a_new_password_and_with_the_account(self, accounts):
        accounts.add("temp", Role.INVESTIGATOR, PASSWORD)
        first = accounts.sign_in("temp", PASSWORD)
        accounts.set_password("temp", "another password")
        assert accounts.of_session(first) is None
        second = accounts.sign_in("temp", "another password")
        accounts.disable("temp")
        assert accounts.of_session(second) is None
        assert accounts.sign_in("temp", "another password") is None

    def test_of_an_unknown_account_cannot_be_ended(self, accounts):
        for change in (lambda: accounts.disable("nobody"), lambda: accounts.set_password("nobody", PASSWORD)):
            with pytest.raises(AccountInvalid, match="no account"):
                change()


class TestTokens:
    def test_are_kept_as_hashes(self, accounts, database):
        token, secret = accounts.issue("ines", ("read", "search"), 30)
        with database.connect() as connection:
            kept = connection.execute(sa.select(tokens)).all()
        assert secret not in str(kept)
        assert token in accounts.tokens()
        assert token.expires == pytest.approx(time.time() + 30 * 86_400, abs=60)

    def test_open_what_their_scopes_say(self, accounts, app_client, png):
        cases = {("read",): (200, 403), ("search",): (403, 200), ("read", "search"): (200, 200), ("write",): (403, 403)}
        for scopes, expected in cases.items():
            _, secret = accounts.issue("ines", scopes, 1)
            headers = {"Authorization": f"Bearer {secret}"}
            read = app_client.get("/v1/products/A/3", headers=headers)
            search = app_client.post("/v1/search", headers=headers, files={"image": ("x.png", png)})
            assert (read.status_code, search.status_code) == expected, scopes

    def test_expire(self, accounts, app_client, monkeypatch):
        _, secret = accounts.issue("ines", ("read",), 1)
        headers = {"Authorization": f"bearer {secret}"}
        assert app_client.get("/v1/products/A/3", headers=headers).status_code == 200
        later(monkeypatch, 86_401)
        refused = app_client.get("/v1/products/A/3", headers=headers)
        problem_of(refused, 401, "sign-in-needed")
        assert "invalid_token" in refused.headers["www-authenticate"]

    def test_are_revoked(self, accounts, app_client):
        token, secret = accounts.issue("ines", ("read",), 1)
        accounts.revoke(token.id)
        problem_of(app_client.get("/v1/objects", headers={"Authorization": f"Bearer {secret}"}), 401, "sign-in-needed")
        with pytest.raises(AccountInvalid, match="no token"):
            accounts.revoke(token.id)

    def test_are_revoked_with_their_account(self, accounts, app_client):
        accounts.add("leaver", Role.INVESTIGATOR, PASSWORD)
        _, secret = accounts.issue("leaver", ("read",), 1)
        accounts.disable("leaver")
        problem_of(app_client.get("/v1/objects", headers={"Authorization": f"Bearer {secret}"}), 401, "sign-in-needed")
        with pytest.raises(AccountInvalid, match="no account"):
            accounts.issue("leaver", ("read",), 1)

    @pytest.mark.parametrize(("scopes", "days"), [((), 1), (("all",), 1), (("read",), 0), (("read",), -1)])
    def test_without_use_are_not_issued(self, accounts, scopes, days):
        with pytest.raises(AccountInvalid, match="scope"):
            accounts.issue("ines", scopes, days)

    def test_open_no_page(self, accounts, app_client):
        _, secret = accounts.issue("ines", ("read",), 1)
        answer = app_client.get("/workbench", headers={"Authorization": f"Bearer {secret}"}, follow_redirects=False)
        assert answer.status_code == 303


class TestSignIn:
    def test_leads_on_to_where_one_was_going(self, app_client):
        sent = app_client.get("/workbench/objects?status=any", follow_redirects=False)
        assert sent.headers["location"] == "/sign-in?next=%2Fworkbench%2Fobjects%3Fstatus%3Dany"
        form = check(app_client.get(sent.headers["location"]))
        assert "/workbench/objects?status=any" in form.attributes("input", "value")
        answer = post(app_client, "/sign-in", {**GOOD, "next": "/workbench/objects?status=any"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/workbench/objects?status=any")
        app_client.cookies.clear()

    @pytest.mark.parametrize(
        "onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/\t/evil.example", ""]
    )
    def test_leads_to_no_other_site(self, app_client, onward):
        answer = post(app_client, "/sign-in", {**GOOD, "next": onward})
        assert answer.headers["location"] == "/workbench"
        app_client.cookies.clear()

    def test_gives_a_cookie_that_no_script_and_no_other_site_can_use(self, app_client):
        cookie = post(app_client, "/sign-in", GOOD).headers["set-cookie"].lower()
        assert cookie.startswith("session=")
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "path=/" in cookie
        assert "; secure" not in cookie
        app_client.cookies.clear()

    def test_gives_a_cookie_for_tls_alone_behind_tls(self, app_client):
        headers = {**FROM_OWN_PAGE, "X-Forwarded-Proto": "https"}
        assert "; secure" in post(app_client, "/sign-in", GOOD, headers=headers).headers["set-cookie"].lower()
        app_client.cookies.clear()

    def test_says_the_same_of_a_wrong_name_and_a_wrong_password(self, app_client):
        wrong = [
            post(app_client, "/sign-in", {**GOOD, **change}) for change in ({"name": "nobody"}, {"password": "wrong"})
        ]
        assert [answer.status_code for answer in wrong] == [401, 401]
        assert wrong[0].text == wrong[1].text
        assert all("set-cookie" not in answer.headers for answer in wrong)
        check(wrong[0])

    def test_opens_the_workbench_and_sign_out_closes_it(self, app_client):
        post(app_client, "/sign-in", GOOD)
        page = app_client.get("/workbench")
        assert "ines" in page.text
        check(page)
        secret = app_client.cookies["session"]
        answer = post(app_client, "/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "session" not in app_client.cookies
        # The session itself has ended, so that a copied cookie is useless.
        app_client.cookies.set("session", secret)
        assert app_client.get("/workbench", follow_redirects=False).status_code == 303
        app_client.cookies.clear()


class TestOtherSites:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1.evil.example"},
            {},
        ],
    )
    @pytest.mark.parametrize("path", ["/sign-out", "/workbench/search", "/v1/search"])
    def test_cannot_act_for_who_is_signed_in(self, app_client, headers, path):
        own = signed_in(app_client, Role.INVESTIGATOR)
        del own.headers["Sec-Fetch-Site"]
        answer = own.post(path, headers=headers, files={"text": (None, "x")}, follow_redirects=False)
        assert answer.status_code == 403
        assert own.get("/workbench").status_code == 200

    def test_cannot_sign_somebody_in(self, app_client):
        assert post(app_client, "/sign-in", GOOD, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403

    def test_are_not_the_own_origin(self, app_client):
        own = signed_in(app_client, Role.INVESTIGATOR)
        del own.headers["Sec-Fetch-Site"]
        answer = post(own, "/sign-out", headers={"Origin": "http://127.0.0.1"})
        assert answer.status_code == 303


def test_too_many_tries_from_one_address_are_refused(with_accounts):
    app = create_app(with_accounts, ColourEncoder(), limits=ServerLimits(sign_ins=2, sign_in_seconds=60))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answers = [post(client, "/sign-in", {"name": "ines", "password": "wrong"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert int(answers[2].headers["retry-after"]) > 0
        assert post(client, "/sign-in", GOOD).status_code == 429


@pytest.mark.slow
def test_a_server_with_accounts_says_so_and_is_closed(with_accounts, tmp_path):
    with in_a_process(with_accounts.root, tmp_path / "stderr") as (_, address):
        output = (tmp_path / "stderr").read_text(encoding="utf-8")
        assert "sign-in at /sign-in" in output
        assert "single-user" not in output
        assert httpx.get(f"{address}/workbench").status_code == 303
        assert httpx.get(f"{address}/v1/leads").status_code == 401
