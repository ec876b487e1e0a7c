"""backup: a copy of the workspace that a server can use directly."""

from __future__ import annotations

from pathlib import Path

import click

from index.jobs.backup import OBJECTS, back_up
from index.workspace import Workspace
from service.cli.streams import say


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def backup(root: Path, folder: Path) -> None:
    """Make FOLDER a copy of the workspace; again, it copies what changed. Servers go on answering meanwhile.

    A PostgreSQL database is dumped into FOLDER, too, by the pg_dump on the path.
    """
    workspace = Workspace.open(root)
    done = back_up(workspace, folder)
    if done.database:
        say(f"the database is in {folder / done.database.file}: restore it with pg_restore (docs/scaling.md)")
    if workspace.settings.objects:
        say(f"what {workspace.objects.name} has is in {folder / OBJECTS} (docs/scaling.md)")
    if not done.database and workspace.settings.database:
        say("warning: the setting `database` keeps the records elsewhere: copy them too, for example with pg_dump")
    click.echo(f"backed up to {folder}: {done.copied} files copied, {done.deleted} deleted there")
