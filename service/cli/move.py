"""move: the records, what is kept by content, and vectors to another database, object store and engine, and back."""

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
@click.option("--engine", metavar="URL", help="Where vectors go: milvus://HOST:PORT, or `folder`, which is FAISS.")
@click.pass_obj
def move_(root: Path, database: str | None, objects: str | None, engine: str | None) -> None:
    """Move the workspace's records to another database, what it keeps by content to another place, and vectors.

    `folder` is the workspace itself. Stop the servers first. If it is interrupted, run it again with the same options:
    it goes on. Everything is compared there; then, last, the settings name the new places. What was copied stays where
    it was: delete it once the new places have proved themselves, for `forget` no longer reaches it.
    """
    if database is None and objects is None and engine is None:
        raise click.UsageError("name --database, --objects, --engine, or several of them")
    places = ("" if place == HERE else place for place in (database, objects, engine))
    to_database, to_objects, to_engine = places
    done = move(open_for_writing(root, say), to_database, to_objects, progress_for_stderr(), to_engine)
    if done == Moved(None, None):
        click.echo("all of that is there already: nothing to move")
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
    if (moved := done.vectors) is not None:
        click.echo(f"moved the vectors of {moved.generations} generations, {moved.rows} rows, each compared there")
    if done.tables is None and done.objects is None:
        say("start the servers again")
        return
    say("start the servers again; what was copied is still where it was: delete it before you next forget something")
