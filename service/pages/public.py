"""The public pages: published objects, one object, about, privacy."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from index.errors import UnknownEntry
from index.generations.generations import Generation
from index.records.entries import Entry
from service.app.listing import ObjectFilter
from service.http.dependencies import GenerationDep, ServicesDep
from service.pages.addresses import object_address, site_address
from service.pages.cards import CARD_HEIGHT, CARD_WIDTH
from service.pages.errors import PageRoute
from service.pages.object_filter import ANY_STATUS, STATUSES, Choices, ObjectFilterDep, Word
from service.pages.rendering import PUBLIC, public_page
from service.rendering.language import PARAMETER, language_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

ON_A_PAGE = 48
PER_AUTHORITY = 12


@router.get("/")
def front(
    request: Request,
    services: ServicesDep,
    generation: GenerationDep,
    chosen: ObjectFilterDep,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """The published objects, newest first: grouped by authority, or filtered and paged."""
    everything = services.listing.ordered(generation)
    grouped = not after and chosen == ObjectFilter(status=chosen.status)
    listed = services.listing.page(generation, chosen, len(everything) or 1 if grouped else ON_A_PAGE, after)
    groups = _by_authority(listed.objects) if grouped else [("", listed.objects)]
    return public_page(
        request,
        "front.html",
        groups=[(name, found[:PER_AUTHORITY] if grouped else found, len(found)) for name, found in groups],
        total=listed.total,
        next=listed.next,
        object_filter=chosen,
        status=chosen.status or ANY_STATUS,
        choices=Choices.of(everything),
        statuses=STATUSES,
        address=lambda entry: object_address(generation, entry),
    )


@router.get("/objects/{object_id:path}")
def published_object(
    request: Request, object_id: str, services: ServicesDep, generation: GenerationDep, source: Word = ""
) -> Response:
    """One object: its crops, the questions about it, and the way to a tip."""
    entry = services.settled.named(generation, object_id, source or None)
    site = site_address(request, services)
    return public_page(
        request,
        "object.html",
        entry=entry,
        address=site + object_address(generation, entry),
        paths={name: object_address(generation, entry, f"/{name}") for name in ("tips", "posters", "codes")},
        card=_card_address(site + object_address(generation, entry, "/cards"), entry, language_of(request)),
        card_size=(CARD_WIDTH, CARD_HEIGHT),
    )


@router.get("/pictures/{sha256}")
def picture(sha256: str, services: ServicesDep, generation: GenerationDep) -> Response:
    """A crop of a published object; pictures of the catalogue are not public."""
    _require_published(generation, sha256)
    return Response(services.images.read(sha256), media_type="image/jpeg", headers={"Cache-Control": PUBLIC})


@router.get("/about")
def about(request: Request) -> Response:
    return public_page(request, "about.html")


@router.get("/privacy")
def privacy(request: Request) -> Response:
    return public_page(request, "privacy.html")


def _card_address(address: str, entry: Entry, language: str) -> str:
    """The address of a preview picture. It changes with the status, because networks keep a picture by its address."""
    return f"{address}{'&' if '?' in address else '?'}{PARAMETER}={language}&v={entry.fields.status}"


def _by_authority(objects: Iterable[Entry]) -> list[tuple[str, tuple[Entry, ...]]]:
    """Objects grouped by authority, in their given order; groups in the order of their first object."""
    first: dict[str, int] = {}
    listed = list(objects)
    for position, entry in enumerate(listed):
        first.setdefault(entry.fields.authority, position)
    listed.sort(key=lambda entry: first[entry.fields.authority])
    return [(name, tuple(group)) for name, group in groupby(listed, key=lambda entry: entry.fields.authority)]


def _require_published(generation: Generation, sha256: str) -> None:
    if not generation.records.has_image(sha256, "objects"):
        raise UnknownEntry(f"no published picture {sha256[:64]!r} is here")
