"""allow: a curator lets a published crop in that the gate holds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from index.workspace import Workspace
from service.app.audit import COMMAND_LINE, Audit
from service.app.desk import Desk
from service.cli.progress import say
from service.tables import open_service_database


@click.command()
@click.argument("sha256")
@click.pass_obj
def allow(root: Path, sha256: str) -> None:
    """Let a published crop in that is held because it seems to show a face, by its SHA-256: a doll, a print."""
    workspace = Workspace.open(root)
    with closing(open_service_database(workspace)) as database:
        Desk(workspace, database, Audit(database), None).approve(sha256, COMMAND_LINE)
    say(f"{sha256} may come in. Next: traceobject reindex")
