"""forget: delete a product, an object or a source at once and permanently."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from index.jobs.forget import ForgetTarget, Traces, allow_return, find_entry, find_source, forget
from index.records.feed_records import COLLECTIONS, Collection
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.leads import Leads
from service.app.upgrade import open_for_writing
from service.cli.streams import say
from service.reports.run_history import RunHistory
from service.tables import open_service_database

_LIFT = click.option("--lift", is_flag=True, help="Let a forgotten one come back with its feed, at the next re-index.")


@click.group("forget")
def forget_() -> None:
    """Delete a product, an object or a source from records, pictures, vectors and every generation on disk."""


@forget_.command()
@click.argument("product_id", metavar="ID")
@click.option("--source", default="", help="Its source, where several have a product of that ID.")
@_LIFT
@click.pass_obj
def product(root: Path, product_id: str, source: str, lift: bool) -> None:
    """Delete the product ID; it does not come back with its feed."""
    _entry(open_for_writing(root, say), "catalogue", product_id, source, lift)


@forget_.command("object")
@click.argument("object_id", metavar="ID")
@click.option("--authority", default="", help="Who published it, where several have an object of that ID.")
@_LIFT
@click.pass_obj
def object_(root: Path, object_id: str, authority: str, lift: bool) -> None:
    """Delete the object ID; it does not come back with its authority's list."""
    _entry(open_for_writing(root, say), "objects", object_id, authority, lift)


@forget_.command()
@click.argument("name", metavar="NAME")
@click.option("--in", "collection", type=click.Choice(COLLECTIONS), help="Where, if both have a source of that name.")
@click.pass_obj
def source(root: Path, name: str, collection: Collection | None) -> None:
    """Delete the source NAME with all its products or objects; its feed is not read again."""
    workspace = open_for_writing(root, say)
    _carry_out(workspace, find_source(workspace, name, collection))


def _entry(workspace: Workspace, collection: Collection, entry_id: str, of: str, lift: bool) -> None:
    if not lift:
        _carry_out(workspace, find_entry(workspace, collection, entry_id, of))
        return
    if not of:
        raise click.UsageError("--lift needs the source: name it with --source or --authority")
    if not allow_return(workspace, ForgetTarget(collection, of, entry_id)):
        raise click.ClickException(f"{of} has no forgotten entry {entry_id}")
    click.echo(f"{entry_id} of {of} may come back with its feed: run traceobject reindex")


def _forget_here(workspace: Workspace, traces: Traces) -> None:
    """Remove them from the records of past runs and the leads. The audit keeps their ids."""
    RunHistory.of(workspace).forget(traces)
    with closing(open_service_database(workspace)) as database:
        Leads(database, Audit(database)).forget(traces)


def _carry_out(workspace: Workspace, name: ForgetTarget) -> None:
    done = forget(workspace, name, before=lambda traces: _forget_here(workspace, traces))
    rebuilt = ", ".join(map(str, done.generations)) or "none"
    click.echo(
        f"forgotten: {name.entry_id or 'all'} of {name.source}: {done.entries} records, {done.images} pictures, "
        f"{done.embeddings} embeddings; generations rebuilt: {rebuilt}"
    )
    for unreadable in done.unreadable:
        say(f"warning: it could not be read, so it was deleted: {unreadable}")
    if done.unreadable:
        say("Next: traceobject reindex")
    if done.remains:
        say(f"warning: the database server still has a trace of it: {done.remains}")
    if done.backups:
        say(f"copies of databases from before an upgrade that were deleted, for they named it: {done.backups}")
