"""audit: is what was recorded still what was recorded?"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from index.workspace import Workspace
from service.audit import Audit
from service.tables import open_service_database


@click.group()
def audit() -> None:
    """Check the record of searches, dossiers and sign-ins."""


@audit.command()
@click.pass_obj
def verify(root: Path) -> None:
    """Find a changed, missing or cut-off record. Keep the head it prints elsewhere, and compare it later."""
    with closing(open_service_database(Workspace.open(root))) as database:
        count, head = Audit(database).verify()
    click.echo(f"{count} records, none changed; head {head}")
