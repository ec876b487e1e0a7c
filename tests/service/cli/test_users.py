"""traceobject users: accounts and tokens from the command line."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from click.testing import CliRunner

from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.audit import Audit
from service.cli.main import main
from service.tables import open_service_database
from tests.service.accounts_workspace import PASSWORD


@pytest.fixture
def run(tmp_path):
    Workspace.create(tmp_path / "w", "colour-64")

    def invoke(*words, typed=None):
        return CliRunner().invoke(main, ["--workspace", str(tmp_path / "w"), *words], input=typed)

    return invoke


@pytest.fixture
def database(run, tmp_path):
    with closing(open_service_database(Workspace.open(tmp_path / "w"))) as opened:
        yield opened


def test_an_account_is_made_by_asking_for_its_password_twice(run, database):
    result = run("users", "add", "ines", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    [user] = Accounts(database).all()
    assert (user.name, user.role) == ("ines", Role.INVESTIGATOR)
    assert Accounts(database).sign_in("ines", PASSWORD)


def test_invalid_input_is_reported(run):
    assert "12 to 1000" in run("users", "add", "ines", "--password", "short").output
    assert run("users", "add", "ines", "--password", "short").exit_code == 1
    assert run("users", "add", "ines", "--role", "volunteer", "--password", PASSWORD).exit_code == 2
    assert "no account 'ines'" in run("users", "token", "ines", "--scope", "read").output
    assert "no token" in run("users", "revoke", "00000000").output


def test_a_life_of_an_account(run, database):
    assert run("users", "add", "carl", "--role", "curator", "--password", PASSWORD).exit_code == 0
    assert run("users", "list").output == "carl  curator\n"
    issued = run("users", "token", "carl", "--scope", "read", "--scope", "search", "--days", "30")
    secret = re.search(r"to_[\w-]{20,}", issued.output)[0]
    assert issued.stdout == f"{secret}\n"
    assert Accounts(database).of_token(secret).scopes == {"read", "search"}
    listed = run("users", "tokens").output
    assert secret not in listed
    token_id, name, scopes, *_ = listed.split()
    assert (name, scopes) == ("carl", "read,search")
    assert run("users", "revoke", token_id).exit_code == 0
    assert Accounts(database).of_token(secret) is None
    assert run("users", "password", "carl", "--password", "another password").exit_code == 0
    assert Accounts(database).sign_in("carl", PASSWORD) is None
    assert run("users", "disable", "carl").exit_code == 0
    assert run("users", "list").output == "carl  curator  disabled\n"
    records = list(Audit(database).records())
    assert [record["change"].partition(" ")[0] for record in records] == [
        "added",
        "token",
        "token",
        "another",
        "disabled",
    ]
    assert all((one["kind"], one["who"], one["account"]) == ("account", "command line", "carl") for one in records)
    assert secret not in str(records)
