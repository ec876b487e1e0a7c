"""Feeds of the open objects for readers and newspapers, and the site map for search engines.

An object that was identified or closed stays in a feed for some weeks under the same id, with that word and without its
picture, because readers keep what they once took.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from index.generations.generations import Generation
from index.records.entries import EntryFields
from service.app.listing import ObjectFilter
from service.app.services import Services
from service.http.dependencies import GenerationDep, ServicesDep
from service.pages.addresses import object_address, site_address
from service.pages.errors import PageRoute
from service.pages.object_filter import Word
from service.pages.rendering import PUBLIC
from service.rendering.language import Words, language_of, words_in
from service.rendering.status import settled_text

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MAX_ITEMS = 500
SETTLED_DAYS = 90
# The largest that the protocol allows (sitemaps.org).
MAX_IN_SITEMAP = 50_000
_ATOM, _SITEMAP = "http://www.w3.org/2005/Atom", "http://www.sitemaps.org/schemas/sitemap/0.9"
_HEADERS = {"Cache-Control": PUBLIC, "Vary": "Accept-Language, Cookie", "Access-Control-Allow-Origin": "*"}
# Characters that XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class FeedItem:
    """One object in a feed. Days are ISO 8601; `picture` is an address, empty for a settled object."""

    id: str
    address: str
    title: str
    text: str
    author: str
    tags: tuple[str, ...]
    published: str
    updated: str
    picture: str


@dataclass(frozen=True)
class Feed:
    """A feed in the reader's language; `home` and `address` are addresses, `updated` a day."""

    language: str
    title: str
    subtitle: str
    home: str
    address: str
    updated: str
    items: tuple[FeedItem, ...]


def _feed(
    request: Request, services: ServicesDep, generation: GenerationDep, authority: Word = "", kind: Word = ""
) -> Feed:
    """The feed that a request asks for: of all open objects, or of an authority's or of a kind alone."""
    t, site = words_in(language_of(request)), site_address(request, services)
    items = tuple(_items(services, generation, ObjectFilter(authority, "", kind), site, t))
    updated = max((item.updated for item in items), default="2000-01-01")
    address = _own_address(request, site)
    return Feed(t.language, t("front.title"), t("front.lead"), f"{site}/", address, updated, items)


FeedDep = Annotated[Feed, Depends(_feed)]


@router.get("/feed.atom")
def atom(feed: FeedDep) -> Response:
    """The open objects as an Atom feed (RFC 4287), in the reader's language."""
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": feed.language})
    _add(root, "id", feed.address)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.subtitle)
    _add(root, "updated", _moment(feed.updated))
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.address)
    _add(root, "link", rel="alternate", type="text/html", href=feed.home)
    for item in feed.items:
        entry = ET.SubElement(root, "entry")
        _add(entry, "id", item.id)
        _add(entry, "title", item.title)
        _add(entry, "published", _moment(item.published))
        _add(entry, "updated", _moment(item.updated))
        _add(entry, "link", rel="alternate", type="text/html", href=item.address)
        if item.picture:
            _add(entry, "link", rel="enclosure", type="image/jpeg", href=item.picture)
        _add(ET.SubElement(entry, "author"), "name", item.author)
        for tag in item.tags:
            _add(entry, "category", term=_xml_text(tag))
        _add(entry, "summary", item.text)
    return Response(_xml(root), media_type="application/atom+xml", headers=_HEADERS)


@router.get("/feed.json")
def json_feed(feed: FeedDep) -> Response:
    """The open objects as a JSON Feed (jsonfeed.org, 1.1), in the reader's language."""
    content = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.subtitle,
        "home_page_url": feed.home,
        "feed_url": feed.address,
        "language": feed.language,
        "items": [
            {
                "id": item.id,
                "url": item.address,
                "title": item.title,
                "content_text": item.text,
                "date_published": _moment(item.published),
                "date_modified": _moment(item.updated),
                "authors": [{"name": item.author}],
                "tags": list(item.tags),
                **({"image": item.picture} if item.picture else {}),
            }
            for item in feed.items
        ],
    }
    return JSONResponse(content, media_type="application/feed+json", headers=_HEADERS)


@router.get("/sitemap.xml")
def sitemap(request: Request, services: ServicesDep, generation: GenerationDep) -> Response:
    """The public pages, and the page of every open object."""
    site = site_address(request, services)
    root = ET.Element("urlset", {"xmlns": _SITEMAP})
    for path in ("/", "/recognise", "/about", "/privacy"):
        _add(ET.SubElement(root, "url"), "loc", site + path)
    listed = [entry for entry in services.listing.ordered(generation) if entry.fields.status == "open"]
    for entry in listed[: MAX_IN_SITEMAP - len(root)]:
        url = ET.SubElement(root, "url")
        _add(url, "loc", site + object_address(generation, entry))
        _add(url, "lastmod", entry.fields.published or entry.fields.first_seen)
    return Response(_xml(root), media_type="application/xml", headers={"Cache-Control": PUBLIC})


@router.get("/robots.txt")
def robots(request: Request, services: ServicesDep) -> Response:
    """What search engines may read: the public pages."""
    closed = ("/workbench", "/curator", "/sign-in", "/tips/", "/v1/")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    text = "\n".join([*lines, f"Sitemap: {site_address(request, services)}/sitemap.xml", ""])
    return PlainTextResponse(text, headers={"Cache-Control": PUBLIC})


def _items(
    services: Services, generation: Generation, object_filter: ObjectFilter, site: str, t: Words
) -> list[FeedItem]:
    """The items of a feed, the latest change first."""
    since = (datetime.now(UTC).date() - timedelta(days=SETTLED_DAYS)).isoformat()
    found = list(_each(services, generation, object_filter, site, t, since))
    return sorted(found, key=lambda item: item.updated, reverse=True)[:MAX_ITEMS]


def _each(
    services: Services, generation: Generation, object_filter: ObjectFilter, site: str, t: Words, since: str
) -> Iterator[FeedItem]:
    for entry in services.listing.ordered(generation):
        fields = entry.fields
        is_open, name = fields.status == "open", fields.title or fields.entry_id
        if not object_filter.passes(entry) or not (is_open or fields.last_seen > since):
            continue
        published = fields.published or fields.first_seen
        settled = "feed.identified" if fields.status == "identified" else "feed.closed"
        yield FeedItem(
            id=uuid.uuid5(uuid.NAMESPACE_URL, f"{entry.source}\n{fields.entry_id}").urn,
            address=site + object_address(generation, entry),
            title=t("object.share_title", title=name) if is_open else t(settled, title=name),
            text=_call(fields, t) if is_open else settled_text(fields, t),
            author=fields.authority,
            tags=tuple(tag for tag in (fields.category, fields.status) if tag),
            published=published,
            updated=published if is_open else fields.last_seen,
            picture=f"{site}/pictures/{entry.images[0]}" if is_open and entry.images else "",
        )


def _call(fields: EntryFields, t: Words) -> str:
    """What is asked: in general, and in the authority's own words."""
    return "\n\n".join(filter(None, (t("object.asked", authority=fields.authority), fields.question)))


def _own_address(request: Request, site: str) -> str:
    return site + request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _moment(day: str) -> str:
    """A day as RFC 3339 requires it."""
    return f"{day}T00:00:00Z"


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _xml_text(text) or None


def _xml_text(text: str) -> str:
    return _NOT_XML.sub("", text)


def _xml(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
