"""upgrade: bring the databases of an older version up to date."""

from __future__ import annotations

from pathlib import Path

import click

from index.workspace import Workspace
from service.app.upgrade import upgrade_workspace


@click.command()
@click.pass_obj
def upgrade(root: Path) -> None:
    """Bring the databases up to date after an upgrade of this program; copies of the old ones go into backups/.

    Every command that writes does it by itself.
    """
    if not upgrade_workspace(Workspace.open(root), click.echo):
        click.echo("nothing to upgrade: the records are of this version")
