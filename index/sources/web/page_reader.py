"""A reader for one authority's page, as data: a small TOML that says what on the page is an object.

    collection = "objects"              # or "catalogue"
    next = "a.next::attr(href)"         # optional: the link to the following page, as a selector

    [html]                              # a page in plain HTML
    object = "article.object"           # one element for each object, as a CSS selector
    [html.fields]
    id = "::attr(data-id)"              # selectors within that element: text, or an attribute
    title = "h2::text"
    image_link = "img::attr(src)"

    [script]                            # or a page with its data in a script
    script = "script#__NEXT_DATA__"     # which script
    after = "window.data ="             # optional: what stands before the JSON in it
    path = "props.pageProps.objects"    # where the list of objects lies in it, as a JMESPath
    [script.fields]
    id = "id"                           # paths within an object
    title = "title"
    image_link = "images[].url"

Field names are those of any feed (`id`, `title`, `country`, `status`, `image_link`, ...). `[constants]` may give values
for all objects.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from index.errors import FeedError
from index.sources.feeds.extras import load
from index.sources.fetching.outcomes import shown

_TOP = {"collection", "next", "html", "script", "constants"}
_HTML, _SCRIPT = {"object", "fields"}, {"script", "after", "path", "fields"}


@dataclass(frozen=True)
class PageReader:
    """What on a page is an object, and what of it is which field."""

    fields: Mapping[str, str]
    constants: Mapping[str, str]
    next: str = ""
    object: str = ""
    script: str = ""
    after: str = ""
    path: str = ""


def page_reader(text: str) -> PageReader:
    """Read the TOML of a reader.

    Raises:
        FeedError: it is no TOML, or names something that there is not, or a selector or path that cannot be read.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FeedError(f"the reader is not TOML: {error}") from None
    _only(raw, _TOP, "the reader")
    if ("html" in raw) == ("script" in raw):
        raise FeedError("the reader needs either [html] or [script], which says where the objects are")
    kind = "html" if "html" in raw else "script"
    table = _table(raw, kind)
    _only(table, _HTML if kind == "html" else _SCRIPT, f"[{kind}]")
    fields = {name: _string(value, f"{kind}.fields.{name}") for name, value in _table(table, "fields").items()}
    if not fields:
        raise FeedError(f"the reader's [{kind}.fields] names no field")
    constants = {name: _string(value, f"constants.{name}") for name, value in raw.get("constants", {}).items()}
    parts = {name: _string(value, name) for name, value in table.items() if name != "fields"}
    required = "object" if kind == "html" else "path"
    if not parts.get(required):
        raise FeedError(f"the reader's [{kind}] needs {required!r}")
    reader = PageReader(fields, constants, next=_string(raw.get("next", ""), "next"), **parts)
    _compile(reader)
    return reader


def _compile(reader: PageReader) -> None:
    """Try every selector and path once, so that a mistake is told before anything is asked for."""
    parsel = load("parsel", "the reader of a page", "web")
    jmespath = load("jmespath", "the reader of a page", "web")
    empty = parsel.Selector("<p></p>")
    selectors = [reader.next, reader.object, reader.script, *(reader.fields.values() if reader.object else ())]
    for selector in filter(None, selectors):
        try:
            empty.css(selector)
        except Exception as error:  # noqa: BLE001 - cssselect raises what it likes; each means the same
            raise FeedError(f"the reader's selector {shown(selector)!r} cannot be read: {error}") from None
    paths = [reader.path, *(() if reader.object else reader.fields.values())]
    for path in filter(None, paths):
        try:
            jmespath.compile(path)
        except jmespath.exceptions.JMESPathError as error:
            raise FeedError(f"the reader's path {shown(path)!r} cannot be read: {error}") from None


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in table:
        if name not in known:
            raise FeedError(f"{where} has no {name!r}; there are {', '.join(sorted(known))}")


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name, {})
    if not isinstance(found, dict):
        raise FeedError(f"the reader's {name!r} is to be a table")
    return found


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise FeedError(f"the reader's {name} is to be a text")
    return value
