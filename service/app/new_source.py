"""A source that a curator adds by URL: the fields of the form, what a preview shows, what is saved."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from index.errors import FeedError, QueryInvalid
from index.records.catalogue import Catalogue
from index.records.feed_records import COLLECTIONS
from index.records.source_options import SourceOptions, set_options
from index.sources.feeds.encodings import is_encoding
from index.sources.feeds.open_feed import FORMATS
from index.sources.preview import NewSource, Preview, preview
from index.sources.read_sources import web_of
from index.sources.remote_address import is_bucket, is_remote, name_of
from index.sources.web.discover import WEB_FORMATS
from index.sources.web.page_reader import page_reader
from index.workspace import Workspace
from service.problems import BUSY, Problem

SOURCE_FIELDS = ("collection", "location", "name", "format", "where", "reader", "encoding")
# A folder is no source on the web.
SOURCE_FORMATS = ("auto", *(name for name in {**dict.fromkeys(FORMATS), **WEB_FORMATS} if name != "folder"))
_NAME_LIMIT, _LOCATION_LIMIT = 200, 2000
_RETRY_SECONDS = "30"
# A preview asks foreign servers: one at a time for the whole server.
_one_at_a_time = Lock()


def new_source(fields: Mapping[str, str]) -> NewSource:
    """The source that a form describes.

    Credentials are not among the fields: a header's value is taken from the server's environment, which only the
    operator may hand out (`traceobject add --header`). For the same reason no bucket is read, whose credentials are
    the server's own.

    Raises:
        QueryInvalid: a field is missing or cannot be what it is.
    """
    location, collection = fields.get("location", ""), fields.get("collection", "catalogue")
    if not is_remote(location) or is_bucket(location) or len(location) > _LOCATION_LIMIT:
        raise QueryInvalid("address: write the whole address of a feed, a shop or a page, with https://")
    if collection not in COLLECTIONS:
        raise QueryInvalid(f"collection: write one of {', '.join(COLLECTIONS)}")
    if fields.get("format", "auto") not in SOURCE_FORMATS:
        raise QueryInvalid(f"format: write one of {', '.join(SOURCE_FORMATS)}")
    encoding, reader = fields.get("encoding", ""), fields.get("reader", "")
    if encoding and not is_encoding(encoding):
        raise QueryInvalid(f"encoding: {encoding[:40]!r} is not known here: write utf-8, cp1250 or the like")
    if reader:
        try:
            page_reader(reader)
        except FeedError as error:
            raise QueryInvalid(str(error)) from None
    return NewSource(
        collection="catalogue" if collection == "catalogue" else "objects",
        location=location,
        name=(fields.get("name") or name_of(location))[:_NAME_LIMIT],
        format=fields.get("format", "auto"),
        options=SourceOptions(where=_conditions(fields.get("where", "")), encoding=encoding, reader=reader),
    )


def preview_source(workspace: Workspace, new: NewSource) -> Preview:
    """The first entries of a source. Slow: call it from a worker thread.

    Raises:
        QueryInvalid: it cannot be had or read.
        Problem: another preview is running.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise Problem(
            BUSY,
            "another preview is being loaded: try again when it has ended",
            headers={"Retry-After": _RETRY_SECONDS},
        )
    try:
        return preview(new, web_of(workspace).access)
    except FeedError as error:
        raise QueryInvalid(str(error)) from error
    finally:
        _one_at_a_time.release()


def save_source(catalogue: Catalogue, new: NewSource) -> None:
    """Add a source; the next re-index reads it. For jobs that have the workspace's lock."""
    source = catalogue.add_source(new.name, new.collection, new.location, new.format)
    set_options(catalogue.database, source, new.options)


def require_new_name(catalogue: Catalogue, new: NewSource) -> None:
    """Raise QueryInvalid where the collection has a source of that name."""
    if any((one.collection, one.name) == (new.collection, new.name) for one in catalogue.sources()):
        raise QueryInvalid(f"name: there is a source {new.name!r} already: give this one another name")


def _conditions(text: str) -> tuple[tuple[str, str], ...]:
    """Conditions from "countries=nl, brands=Umbra". Raises QueryInvalid."""
    found = []
    for part in filter(None, map(str.strip, text.replace("\n", ",").split(","))):
        name, separator, value = part.partition("=")
        if not separator or not name.strip() or not value.strip():
            raise QueryInvalid(f"only: {part[:60]!r} is no condition: write COLUMN=VALUE, such as countries=nl")
        found.append((name.strip(), value.strip()))
    return tuple(found)
