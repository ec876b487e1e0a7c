"""The objects of an authority's page, by the reader that was written for it: see page_reader.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from index.errors import FeedError
from index.sources.feeds.extras import load
from index.sources.feeds.references import names_pictures
from index.sources.fetching.outcomes import shown
from index.sources.web.client import Document
from index.sources.web.documents import FOLDER, KeptDocuments
from index.sources.web.feed_writer import write_rows
from index.sources.web.job import Delivery, WebJob
from index.sources.web.page_products import reserved_by_meta
from index.sources.web.page_reader import PageReader, page_reader

MOST_PAGES = 500
_LINKS = frozenset(("link", "url", "tip_page", "tip_url"))


def deliver_page(job: WebJob) -> Delivery:
    """The objects of all pages as rows.

    Raises:
        Failure: a page cannot be had.
        FeedError: the reader cannot be read, or finds nothing on a page.
    """
    reader = page_reader(job.options.reader)
    return Delivery(write_rows(job.first(_rows(job, reader)), job.folder), "jsonl")


def _rows(job: WebJob, reader: PageReader) -> Iterator[dict[str, object]]:
    documents = KeptDocuments(job.folder / FOLDER, job.client)
    url, seen = job.url, {job.url}
    while True:
        document = documents.get(url)
        if job.source.collection == "catalogue" and (tag := reserved_by_meta(document.data, job.client.token)):
            raise FeedError(f"{shown(url)}: its publisher opts out of such use ({tag}).")
        selector = _selector(document, job.options.encoding)
        found = list(_of_html(selector, reader) if reader.object else _of_script(selector, reader, document))
        if not found:
            raise FeedError(
                f"{shown(url)}: the reader finds no object on this page. Has it changed? Look at it, and at the reader."
            )
        for row in found:
            yield {**reader.constants, **_completed(row, document.url), "source_page": document.url}
        following = selector.css(reader.next).get() if reader.next else None
        if not following:
            documents.sweep()
            return
        url = urljoin(document.url, following.strip())
        if url in seen:
            raise FeedError(f"{shown(url)}: the pages lead back to one that was read already.")
        if len(seen) >= MOST_PAGES:
            raise FeedError(f"{shown(job.url)}: more than {MOST_PAGES} pages follow one another.")
        seen.add(url)


def _selector(document: Document, encoding: str) -> Any:
    parsel = load("parsel", "the reader of a page", "web")
    charset = encoding or document.headers.get("content-type", "").casefold().partition("charset=")[2].strip(" \"';")
    try:
        return parsel.Selector(document.data.decode(charset or "utf-8", "replace"))
    except LookupError:
        return parsel.Selector(document.data.decode("utf-8", "replace"))


def _of_html(selector: Any, reader: PageReader) -> Iterator[dict[str, object]]:
    for element in selector.css(reader.object):
        row: dict[str, object] = {}
        for name, path in reader.fields.items():
            # An attribute of the element itself is written without an element before it.
            values = element.css(f":scope{path}" if path.startswith("::") else path).getall()
            texts = [" ".join(value.split()) for value in values if value.strip()]
            row[name] = texts if names_pictures(name) else " ".join(texts)
        yield row


def _of_script(selector: Any, reader: PageReader, document: Document) -> Iterator[dict[str, object]]:
    jmespath = load("jmespath", "the reader of a page", "web")
    texts = selector.css(f"{reader.script or 'script'}::text").getall()
    found = None
    for text in texts:
        if reader.after:
            _, marker, text = text.partition(reader.after)
            if not marker:
                continue
        try:
            # What follows the JSON, such as a semicolon and more script, is left.
            value, _ = json.JSONDecoder().raw_decode(text.lstrip())
        except ValueError:
            continue
        found = jmespath.search(reader.path, value)
        if isinstance(found, list):
            break
    if not isinstance(found, list):
        raise FeedError(
            f"{shown(document.url)}: no script of this page has a list under {shown(reader.path)!r}. "
            "Has the page changed?"
        )
    for item in found:
        yield {name: _plain(jmespath.search(path, item)) for name, path in reader.fields.items()}


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [str(one) for one in value if isinstance(one, str | int | float)]
    return "" if value is None or isinstance(value, dict) else str(value)


def _completed(row: dict[str, object], url: str) -> dict[str, object]:
    """The row with its links and pictures as whole addresses."""
    completed: dict[str, object] = {}
    for name, value in row.items():
        if names_pictures(name) or name in _LINKS:
            listed = value if isinstance(value, list) else [value]
            addresses = [urljoin(url, str(one)) for one in listed if one]
            completed[name] = addresses if names_pictures(name) else next(iter(addresses), "")
        else:
            completed[name] = ", ".join(map(str, value)) if isinstance(value, list) else value
    return completed
