"""init, add and reindex: a workspace is made, told of its sources, and brought up to date."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from embedding.encoders import registry
from index.catalogue import Catalogue, Changes
from index.feeds.open_feed import FORMATS
from index.images import ImageStore
from index.models import workspace_encoder
from index.records import Collection
from index.reindex import polite_fetch, read_sources
from index.reindex import reindex as run_reindex
from index.workspace import Workspace
from service.exit_status import SOME_REFUSED, list_refused
from service.progress import progress_for_stderr, say


@click.command()
@click.option("--model", default="auto", show_default=True, help="A model's name, or auto: `traceobject models list`.")
@click.pass_obj
def init(root: Path, model: str) -> None:
    """Make a workspace."""
    if model != "auto":
        model = registry.get(model).name
    workspace = Workspace.create(root, model)
    click.echo(f"workspace made in {workspace.root}, model {model}", err=True)


@click.group()
def add() -> None:
    """Name a source and read it: products of a catalogue, or an authority's published objects."""


_FORMAT = click.option(
    "--format",
    "feed_format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="How the feed is written; auto tells by its content.",
)


@add.command()
@click.argument("feed", type=click.Path(path_type=Path))
@click.option("--source", default="", help="The source's name; without it, that of the feed's folder and file.")
@_FORMAT
@click.pass_obj
def catalogue(root: Path, feed: Path, source: str, feed_format: str) -> None:
    """Add the products of FEED: a folder of pictures, or a file that lists them."""
    _add(root, "catalogue", feed, source or _source_name(feed), feed_format)


@add.command()
@click.argument("feed", type=click.Path(path_type=Path))
@click.option("--authority", default="", help="Who publishes these objects, where the feed does not say.")
@_FORMAT
@click.pass_obj
def objects(root: Path, feed: Path, authority: str, feed_format: str) -> None:
    """Add the published objects of FEED: a folder of crops, or a file that lists them."""
    _add(root, "objects", feed, authority or _source_name(feed), feed_format)


@click.command()
@click.option("--full", is_flag=True, help="Build and publish a generation even when nothing changed.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def reindex(context: click.Context, full: bool, as_json: bool) -> None:
    """Read every source again, embed what is new, and publish a generation if anything changed."""
    workspace, encoder = workspace_encoder(Workspace.open(context.obj), say)
    report = run_reindex(workspace, encoder, progress_for_stderr(), full=full)
    for name, changes in report.changes.items():
        say(f"{name}: {_told(changes)}")
    for failure in report.failed:
        say(f"not read: {failure}")
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        done = f"generation {report.generation} published" if report.published else "nothing changed"
        live = "" if report.published else f"; generation {report.generation} stays live"
        click.echo(f"{done}{live}; {report.embedded} pictures embedded with {report.model}")
    context.exit(list_refused(report.refused) or (SOME_REFUSED if report.failed else 0))


def _add(root: Path, collection: Collection, feed: Path, name: str, feed_format: str) -> None:
    workspace = Workspace.open(root)
    with workspace.lock("add"), Catalogue.open(workspace.database_url) as records:
        former = next((old for old in records.sources() if (old.collection, old.name) == (collection, name)), None)
        source = records.add_source(name, collection, str(feed.absolute()), feed_format)
        store, fetch = ImageStore(workspace.images), polite_fetch(workspace.settings)
        today = datetime.now(UTC).date()
        changes, images, failed = read_sources(records, store, [source], fetch, today, progress_for_stderr())
        if failed and former is None:
            records.forget_source(source)
        elif failed and former is not None:
            records.add_source(name, collection, former.location, former.format)
        refused = records.refusals(source)
    for failure in failed:
        raise click.ClickException(failure)
    say(f"{name}: {_told(changes[name])}; {images} new pictures. Next: traceobject reindex")
    click.get_current_context().exit(list_refused(refused))


def _source_name(feed: Path) -> str:
    """The name of a source that was given none: its folder and file, so that two feed.csv do not meet."""
    place = feed.absolute()
    return place.name if place.is_dir() else f"{place.parent.name}-{place.stem}"


def _told(changes: Changes) -> str:
    return f"{changes.added} added, {changes.changed} changed, {changes.gone} gone, {changes.unchanged} unchanged"
