"""A workspace with one account of each role, and clients that are signed in as one of them."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from pathlib import Path

from starlette.testclient import TestClient

from index.records.database import engine_of
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.tables import HISTORY, open_service_database
from tests.databases import copied

PASSWORD = "correct horse battery"
NAMES = {Role.INVESTIGATOR: "ines", Role.CURATOR: "carl", Role.ADMINISTRATOR: "ada"}
# The header that a browser sends with a form of the same site.
FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def copy_with_accounts(workspace: Workspace, folder: Path) -> Workspace:
    """A copy of a workspace in which one account of each role may sign in with PASSWORD."""
    return copied(Workspace.open(_with_accounts(workspace.root)), folder)


@cache
def _with_accounts(root: Path) -> Path:
    """The copy that is copied: passwords are slow to hash, so the accounts are made once."""
    folder = root.parent / f"{root.name}-with-accounts"
    copy = copied(Workspace.open(root), folder)
    _clear_service(copy)
    with closing(open_service_database(copy)) as database:
        for role, name in NAMES.items():
            Accounts(database).add(name, role, PASSWORD)
    return folder


def _clear_service(workspace: Workspace) -> None:
    """Delete what servers over the original wrote."""
    for path in workspace.root.glob("service.sqlite*"):
        path.unlink()
    if workspace.settings.database:
        engine = engine_of(workspace.settings.database)
        with engine.begin() as connection:
            HISTORY.tables.drop_all(connection)
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {HISTORY.version_table}")
        engine.dispose()


def signed_in(client: TestClient, role: Role) -> TestClient:
    """A client of the same application, signed in with the account of a role; a volunteer has none."""
    own = TestClient(client.app, base_url=str(client.base_url), headers=FROM_OWN_PAGE)
    if role is not Role.VOLUNTEER:
        accounts: Accounts = client.app.state.accounts  # type: ignore[attr-defined]
        secret = accounts.sign_in(NAMES[role], PASSWORD)
        assert secret
        own.cookies.set("session", secret)
    return own
