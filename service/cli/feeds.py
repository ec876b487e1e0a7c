"""init and add: make a workspace, and add sources to it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from embedding.encoders import registry
from index.jobs.lost_records import require_records
from index.records.catalogue import Catalogue
from index.records.feed_records import Collection
from index.sources.feeds.open_feed import FORMATS
from index.sources.read_sources import ReadContext, polite_fetch, read_sources
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.app.gate import PUBLISHED_THRESHOLD, gate_of
from service.app.upgrade import open_for_writing
from service.cli.exit_status import DONE, SOME_REFUSED, list_refused
from service.cli.progress import progress_for_stderr
from service.cli.reindex import summary
from service.cli.streams import say


@click.command()
@click.option("--model", default="auto", show_default=True, help="A model's name, or auto: `traceobject models list`.")
@click.pass_obj
def init(root: Path, model: str) -> None:
    """Make a workspace."""
    if model != "auto":
        model = registry.get(model).name
    workspace = Workspace.create(root, model)
    say(f"workspace made in {workspace.root}, model {model}")


@click.group()
def add() -> None:
    """Add a source and read it: products of a catalogue, or an authority's published objects."""


_FORMAT = click.option(
    "--format",
    "feed_format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="The feed's format; auto detects it by its content.",
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


def _add(root: Path, collection: Collection, feed: Path, name: str, feed_format: str) -> None:
    workspace = open_for_writing(root, say)
    with workspace.lock("add"), Catalogue.open(workspace.database_url) as records:
        require_records(workspace, records)
        former = next((old for old in records.sources() if (old.collection, old.name) == (collection, name)), None)
        source = records.add_source(name, collection, str(feed.absolute()), feed_format)
        context = ReadContext(
            catalogue=records,
            images=ImageStore(workspace.images),
            fetch=polite_fetch(workspace.settings),
            today=datetime.now(UTC).date(),
            progress=progress_for_stderr(),
            gate=gate_of(workspace, PUBLISHED_THRESHOLD),
            max_fall=workspace.settings.max_fall,
        )
        read = read_sources([source], context)
        changes = read.changes.get(name)
        if changes is None and former is None:
            records.forget_source(source)
        elif changes is None and former is not None:
            records.add_source(name, collection, former.location, former.format)
        refused = records.refusals(source)
    for failure in read.failed:
        if changes is None:
            raise click.ClickException(failure)
        say(f"failed: {failure}")
    if changes is not None:
        say(f"{name}: {summary(changes)}; {read.new_images} new pictures. Next: traceobject reindex")
    click.get_current_context().exit(list_refused(refused) or (SOME_REFUSED if read.failed else DONE))


def _source_name(feed: Path) -> str:
    """The default name of a source: its folder and file name, so that two files named feed.csv differ."""
    place = feed.absolute()
    return place.name if place.is_dir() else f"{place.parent.name}-{place.stem}"
