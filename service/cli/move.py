"""move: the records and what is kept by content to another database and object store, and back."""

from __future__ import annotations

from pathlib import Path

import click

from service.app.move import Moved, move
from service.app.upgrade import open_for_writing
from service.cli.progress import progress_for_stderr
from service.cli.streams import say

HERE = "folder"


@click.command("move")
@click.option("--database", metavar="URL", help="Where the records go: a PostgreSQL URL, or `folder`.")
@click.option("--objects", metavar="URL", help="Where pictures and the index go: s3://BUCKET/PREFIX, or `folder`.")
@click.pass_obj
def move_(root: Path, database: str | None, objects: str | None) -> None:
    """Move the workspace's records to another database, and what it keeps by content to another place.

    `folder` is the workspace itself. Stop the servers first. If it is interrupted, run it again with the same options:
    it goes on. Everything is compared there; then, last, the settings name the new places. What was copied stays where
    it was: delete it once the new places have proved themselves, for `forget` no longer reaches it.
    """
    if database is None and objects is None:
        raise click.UsageError("name --database, --objects, or both")
    workspace = open_for_writing(root, say)
    done = move(
        workspace,
        None if database is None else "" if database == HERE else database,
        None if objects is None else "" if objects == HERE else objects,
        progress_for_stderr(),
    )
    if done == Moved(None, None):
        click.echo("records and objects are there already: nothing to move")
        return
    if done.tables is not None:
        click.echo(f"moved {sum(done.tables.values())} rows of {len(done.tables)} tables, each compared there")
    if done.objects is not None:
        counted = done.objects
        click.echo(
            f"moved {counted.images} pictures, {counted.rows} embeddings and local features, {counted.readings} "
            f"readings of text and {counted.generations} generations, each compared there"
        )
        if counted.damaged:
            say(f"warning: {counted.damaged} were damaged and left behind: the next re-index makes them again")
    say("start the servers again; what was copied is still where it was: delete it before you next forget something")
