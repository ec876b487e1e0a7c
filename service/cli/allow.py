"""allow: approve a published crop that is quarantined because it seems to show a face."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from service.app.audit import COMMAND_LINE, Audit
from service.app.desk import Desk
from service.app.upgrade import open_for_writing
from service.cli.streams import say
from service.tables import open_service_database


@click.command()
@click.argument("sha256")
@click.pass_obj
def allow(root: Path, sha256: str) -> None:
    """Approve a quarantined crop that shows a doll or a print and no person, by its SHA-256."""
    workspace = open_for_writing(root, say)
    with closing(open_service_database(workspace)) as database:
        Desk(workspace, database, Audit(database), None).approve(sha256, COMMAND_LINE)
    say(f"{sha256} is approved. Next: traceobject reindex")
