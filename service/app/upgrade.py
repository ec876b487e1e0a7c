"""Upgrades the databases of a workspace to this version's schema; every command that writes does so first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from index.records.migrations.history import CATALOGUE, History
from index.records.upgrade import Upgraded, needs_upgrade, upgrade
from index.records.upgrade import require_upgraded as require_database_upgraded
from index.workspace import Workspace
from service.tables import HISTORY, service_database_url


def open_for_writing(root: Path, say: Callable[[str], None]) -> Workspace:
    """Open a workspace for writing: databases of an older version are upgraded first.

    Raises:
        WorkspaceError: there is none, or `upgrade_workspace` fails.
    """
    workspace = Workspace.open(root)
    upgrade_workspace(workspace, say)
    return workspace


def upgrade_workspace(workspace: Workspace, say: Callable[[str], None]) -> tuple[Upgraded, ...]:
    """Upgrade the databases that are of an older version, under the workspace's lock, and say so in one line.

    Raises:
        WorkspaceBusy: another job is writing here.
        SchemaTooNew: a newer version of this program wrote one of them.
        MigrationFailed: one cannot be upgraded; it is unchanged.
    """
    if not any(needs_upgrade(url, history) for url, history in _databases(workspace)):
        return ()
    with workspace.lock("upgrade"):
        done = [upgrade(url, history, workspace.backups) for url, history in _databases(workspace)]
    upgraded = tuple(one for one in done if one is not None)
    if upgraded:
        say(f"upgraded for this version: {'; '.join(map(_in_words, upgraded))}")
    return upgraded


def require_upgraded(workspace: Workspace) -> None:
    """Check that a workspace's databases are of this version; reads one row of each.

    Raises:
        SchemaOutdated: one has to be upgraded first.
        SchemaTooNew: a newer version of this program wrote one of them.
    """
    for url, history in _databases(workspace):
        require_database_upgraded(url, history)


def _databases(workspace: Workspace) -> tuple[tuple[str, History], ...]:
    return (workspace.database_url, CATALOGUE), (service_database_url(workspace), HISTORY)


def _in_words(done: Upgraded) -> str:
    kept = f"what it was is kept in {done.backup}" if done.backup else "no copy was made of it"
    return f"{done.name} from revision {done.before or 'none'} to {done.after} ({kept})"
