"""A workspace with one account of each role, and clients that are signed in as one of them."""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import cache
from pathlib import Path

from starlette.testclient import TestClient

from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.tables import open_service_database

PASSWORD = "correct horse battery"
NAMES = {Role.INVESTIGATOR: "ines", Role.CURATOR: "carl", Role.ADMINISTRATOR: "ada"}
# The header that a browser sends with a form of the same site.
FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def copy_with_accounts(workspace: Workspace, folder: Path) -> Workspace:
    """A copy of a workspace in which one account of each role may sign in with PASSWORD."""
    shutil.copytree(_with_accounts(workspace.root), folder)
    return Workspace.open(folder)


@cache
def _with_accounts(root: Path) -> Path:
    """The copy that is copied: passwords are slow to hash, so the accounts are made once."""
    folder = root.parent / f"{root.name}-with-accounts"
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns("service.sqlite*"))
    with closing(open_service_database(Workspace.open(folder))) as database:
        for role, name in NAMES.items():
            Accounts(database).add(name, role, PASSWORD)
    return folder


def signed_in(client: TestClient, role: Role) -> TestClient:
    """A client of the same application, signed in with the account of a role; a volunteer has none."""
    own = TestClient(client.app, base_url=str(client.base_url), headers=FROM_OWN_PAGE)
    if role is not Role.VOLUNTEER:
        accounts: Accounts = client.app.state.accounts  # type: ignore[attr-defined]
        secret = accounts.sign_in(NAMES[role], PASSWORD)
        assert secret
        own.cookies.set("session", secret)
    return own
