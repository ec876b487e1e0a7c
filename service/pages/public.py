"""What anybody may see: the published objects, one object, what this is and how it treats what people send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from index.errors import UnknownEntry
from index.generations.generations import Generation
from index.records.entries import Entry
from service.app.find_entry import entry_named
from service.app.listing import Wanted
from service.http.dependencies import LiveOne, TheServices
from service.pages.cards import CARD_HEIGHT, CARD_WIDTH, preview_card
from service.pages.errors import PageRoute
from service.pages.rendering import page

router = APIRouter(include_in_schema=False, route_class=PageRoute)

STATUSES = ("open", "identified", "closed")
ON_A_PAGE = 48
OF_AN_AUTHORITY = 12
# A name stands for one content for ever; public pictures may be kept by any cache.
_KEEP = "public, max-age=31536000, immutable"

Word = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True)
class Choices:
    """What the filters offer: every value that an object has."""

    authorities: tuple[str, ...]
    kinds: tuple[str, ...]
    countries: tuple[str, ...]

    @classmethod
    def of(cls, objects: Iterable[Entry]) -> Choices:
        fields = [entry.fields for entry in objects]

        def told(values: Iterable[str]) -> tuple[str, ...]:
            return tuple(sorted({value for value in values if value}, key=str.casefold))

        return cls(
            told(field.authority for field in fields),
            told(field.category for field in fields),
            told(field.country for field in fields),
        )


@router.get("/")
def front(
    request: Request,
    services: TheServices,
    generation: LiveOne,
    authority: Word = "",
    kind: Word = "",
    country: Word = "",
    status: Word = "open",
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """The published objects, newest first: by authority, or all that fit the filters, a page at a time."""
    wanted = Wanted(authority, "" if status == "any" else status, kind, country)
    everything = services.listing.ordered(generation)
    together = not (authority or kind or country or after)
    listed = services.listing.page(generation, wanted, len(everything) or 1 if together else ON_A_PAGE, after)
    groups = _by_authority(listed.objects) if together else [("", listed.objects)]
    return page(
        request,
        "front.html",
        groups=[(name, found[:OF_AN_AUTHORITY] if together else found, len(found)) for name, found in groups],
        total=listed.total,
        next=listed.next,
        wanted=wanted,
        status=status,
        choices=Choices.of(everything),
        statuses=STATUSES,
        address=lambda entry: object_address(generation, entry),
    )


@router.get("/objects/{object_id:path}")
def published_object(request: Request, object_id: str, generation: LiveOne, source: Word = "") -> Response:
    """One object: its crops, what is asked, and the way to the authority that asks."""
    entry = entry_named(generation, "objects", object_id, source or None)
    return page(
        request,
        "object.html",
        entry=entry,
        address=str(request.base_url).rstrip("/") + object_address(generation, entry),
        card=f"{str(request.base_url).rstrip('/')}/cards/{entry.images[0]}" if entry.images else "",
        card_size=(CARD_WIDTH, CARD_HEIGHT),
    )


@router.get("/pictures/{sha256}")
def picture(sha256: str, services: TheServices, generation: LiveOne) -> Response:
    """A crop of a published object; pictures of the catalogue are not shown to everybody."""
    _require_published(generation, sha256)
    return Response(services.images.read(sha256), media_type="image/jpeg", headers={"Cache-Control": _KEEP})


@router.get("/cards/{sha256}")
def card(sha256: str, services: TheServices, generation: LiveOne) -> Response:
    """The picture that a shared link shows (Open Graph)."""
    _require_published(generation, sha256)
    # Whoever fetches a preview does so from elsewhere.
    headers = {"Cache-Control": _KEEP, "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(preview_card(services.images.read(sha256)), media_type="image/jpeg", headers=headers)


@router.get("/about")
def about(request: Request) -> Response:
    return page(request, "about.html")


@router.get("/privacy")
def privacy(request: Request) -> Response:
    return page(request, "privacy.html")


def object_address(generation: Generation, entry: Entry) -> str:
    """The path of an object's page; it names the source only where several sources use the id."""
    path = f"/objects/{quote(entry.fields.entry_id, safe='/')}"
    shared = len(generation.records.find("objects", entry.fields.entry_id)) > 1
    return f"{path}?source={quote(entry.source, safe='')}" if shared else path


def _by_authority(objects: Iterable[Entry]) -> list[tuple[str, tuple[Entry, ...]]]:
    """Objects of each authority in the order they come; first whose newest object is the newest."""
    first: dict[str, int] = {}
    listed = list(objects)
    for place, entry in enumerate(listed):
        first.setdefault(entry.fields.authority, place)
    listed.sort(key=lambda entry: first[entry.fields.authority])
    return [(name, tuple(group)) for name, group in groupby(listed, key=lambda entry: entry.fields.authority)]


def _require_published(generation: Generation, sha256: str) -> None:
    if not generation.records.has_image(sha256, "objects"):
        raise UnknownEntry(f"no published picture {sha256[:64]!r} is here")
