"""The demo's account: in the demo's own workspace, with a password that no two demos share."""

from __future__ import annotations

from contextlib import closing

from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.cli.demo import SIGN_IN, _sign_in
from service.tables import open_service_database


def test_opens_the_workbench_of_its_workspace(tmp_path):
    workspaces = [Workspace.create(tmp_path / name, "colour-64") for name in ("one", "two")]
    (name, first), (_, other) = (_sign_in(workspace) for workspace in workspaces)
    assert first != other
    with closing(open_service_database(workspaces[0])) as database:
        accounts = Accounts(database)
        visitor = accounts.of_session(accounts.sign_in(name, first))
        assert (visitor.name, visitor.role) == (name, Role.INVESTIGATOR)
        assert accounts.sign_in(name, other) is None
        _, again = _sign_in(workspaces[0])
        assert accounts.sign_in(name, first) is None
        assert accounts.sign_in(name, again)
    file = workspaces[0].root / SIGN_IN
    assert file.read_text(encoding="utf-8") == f"{name}\n{again}\n"
    assert file.stat().st_mode & 0o077 == 0
