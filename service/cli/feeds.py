"""init and add: make a workspace, and add sources to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from embedding.encoders import registry
from index.jobs.lost_records import require_records
from index.records.catalogue import Catalogue
from index.records.feed_records import Collection
from index.records.source_options import SourceOptions, set_options
from index.sources.feeds.encodings import is_encoding
from index.sources.feeds.open_feed import FORMATS
from index.sources.read_sources import ReadContext, polite_fetch, read_sources, web_of
from index.sources.remote_address import is_remote, name_of
from index.sources.web.discover import WEB_FORMATS
from index.sources.web.headers import parse_header
from index.sources.web.page_reader import page_reader
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
    type=click.Choice(["auto", *FORMATS, *(name for name in WEB_FORMATS if name not in FORMATS)]),
    default="auto",
    show_default=True,
    help="The feed's format, or what lies at its URL; auto detects it by its content.",
)


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a source that are kept with it."""
    added = [
        click.option(
            "--header",
            "headers",
            multiple=True,
            metavar="NAME=VARIABLE",
            help="A request header whose value stands in the environment variable VARIABLE; only its name is kept.",
        ),
        click.option(
            "--where",
            "conditions",
            multiple=True,
            metavar="COLUMN=VALUE",
            help="Of a dump of Open Food Facts and its sisters, only these products, such as countries=nl.",
        ),
        click.option(
            "--reader",
            type=click.File(encoding="utf-8"),
            help="A TOML file that says what on a web page is an entry: see docs/sources.md.",
        ),
        click.option("--encoding", default="", help="The encoding of the feed's text, where it is not found rightly."),
        click.option(
            "--pages-a-night",
            type=click.IntRange(min=0),
            default=0,
            help="How many pages of a shop are asked for in a day; 0 takes the workspace's setting.",
        ),
    ]
    for option in reversed(added):
        command = option(command)
    return command


def _source_options(
    headers: tuple[str, ...], conditions: tuple[str, ...], reader: Any, encoding: str, pages: int
) -> SourceOptions:
    where = []
    for condition in conditions:
        name, separator, value = condition.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise click.BadParameter("write COLUMN=VALUE, such as countries=nl", param_hint="--where")
        where.append((name.strip(), value.strip()))
    text = reader.read() if reader else ""
    if text:
        page_reader(text)
    if encoding and not is_encoding(encoding):
        raise click.BadParameter("write utf-8, cp1250 or the like", param_hint="--encoding")
    return SourceOptions(
        headers=tuple(parse_header(one) for one in headers),
        where=tuple(where),
        reader=text,
        encoding=encoding,
        pages_a_night=pages,
    )


@add.command()
@click.argument("feed")
@click.option("--source", default="", help="The source's name; without it, that of the feed's folder and file.")
@_FORMAT
@_options
@click.pass_obj
def catalogue(
    root: Path,
    feed: str,
    source: str,
    feed_format: str,
    headers: tuple[str, ...],
    conditions: tuple[str, ...],
    reader: Any,
    encoding: str,
    pages_a_night: int,
) -> None:
    """Add the products of FEED: a folder of pictures, a file that lists them, or the URL of a feed, shop or bucket."""
    options = _source_options(headers, conditions, reader, encoding, pages_a_night)
    _add(root, "catalogue", feed, source or _source_name(feed), feed_format, options)


@add.command()
@click.argument("feed")
@click.option("--authority", default="", help="Who publishes these objects, where the feed does not say.")
@_FORMAT
@_options
@click.pass_obj
def objects(
    root: Path,
    feed: str,
    authority: str,
    feed_format: str,
    headers: tuple[str, ...],
    conditions: tuple[str, ...],
    reader: Any,
    encoding: str,
    pages_a_night: int,
) -> None:
    """Add the published objects of FEED: a folder of crops, a file that lists them, or the URL of a list or page."""
    options = _source_options(headers, conditions, reader, encoding, pages_a_night)
    _add(root, "objects", feed, authority or _source_name(feed), feed_format, options)


def _add(root: Path, collection: Collection, feed: str, name: str, feed_format: str, options: SourceOptions) -> None:
    workspace = open_for_writing(root, say)
    only_encoding = options == SourceOptions(encoding=options.encoding)
    if not is_remote(feed) and (feed_format not in ("auto", *FORMATS) or not only_encoding):
        raise click.UsageError(f"{feed}: these options are for a source on the web; give its URL, with https://")
    web = web_of(workspace)
    with workspace.lock("add"), Catalogue.open(workspace.database_url) as records:
        require_records(workspace, records)
        former = next((old for old in records.sources() if (old.collection, old.name) == (collection, name)), None)
        location = feed if is_remote(feed) else str(Path(feed).absolute())
        source = records.add_source(name, collection, location, feed_format)
        source = set_options(records.database, source, options)
        context = ReadContext(
            catalogue=records,
            images=ImageStore(workspace.objects),
            fetch=polite_fetch(workspace.settings),
            today=datetime.now(UTC).date(),
            progress=progress_for_stderr(),
            gate=gate_of(workspace, PUBLISHED_THRESHOLD),
            max_fall=workspace.settings.max_fall,
            web=web,
        )
        read = read_sources([source], context)
        changes = read.changes.get(name)
        if changes is None and former is None:
            records.forget_source(source)
            web.forget(source)
        elif changes is None and former is not None:
            records.add_source(name, collection, former.location, former.format)
            set_options(records.database, source, SourceOptions.of(former))
        refused = records.refusals(source)
    for failure in read.failed:
        if changes is None:
            raise click.ClickException(failure)
        say(f"failed: {failure}")
    for note in read.notes:
        say(note)
    if changes is not None:
        say(f"{name}: {summary(changes)}; {read.new_images} new pictures. Next: traceobject reindex")
    click.get_current_context().exit(list_refused(refused) or (SOME_REFUSED if read.failed else DONE))


def _source_name(feed: str) -> str:
    """The default name of a source: its folder and file name, so that two files named feed.csv differ; of a URL its
    host and path."""
    if is_remote(feed):
        return name_of(feed)
    place = Path(feed).absolute()
    return place.name if place.is_dir() else f"{place.parent.name}-{place.stem}"
