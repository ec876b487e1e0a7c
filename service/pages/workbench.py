"""The workbench: search by crops, look closely, choose the object that is worked on, read the alerts of the night."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from index.errors import UnknownEntry
from index.generations.generations import Generation
from index.jobs.alerts import list_alerts
from index.records.database import Database
from index.records.entries import Entry
from index.search.answer import Answer
from service.accounts.access import TheVisitor
from service.accounts.roles import Visitor
from service.app.find_entry import entry_named
from service.app.leads import MAX_NOTE, Lead
from service.app.listing import Wanted
from service.app.responses import answer_response
from service.app.search_form import FILTERS, LIMITS, Asked, Found, find
from service.app.services import Services
from service.http.dependencies import LiveOne, RateLimited, TheServices
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.public import STATUSES, Choices
from service.pages.rendering import page

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

# What needs a right to see is for no shared cache.
_KEEP = "private, max-age=31536000, immutable"
ON_A_PAGE = 60
SHOWN_ALERTS = 500

Word = Annotated[str, Query(max_length=200)]


@router.get("")
def bench(request: Request, services: TheServices, generation: LiveOne) -> Response:
    """The search form, with the object and the crops that the address names, and nothing found yet."""
    return _bench(request, services, generation, Asked.of(request.query_params.multi_items()), None)


@router.get("/search", dependencies=[RateLimited])
async def search_by_address(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """A search that an address tells: by crops of the index and words."""
    return await _searched(request, services, visitor, Asked.of(request.query_params.multi_items()))


@router.post("/search", dependencies=[RateLimited])
async def search_by_form(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """A search by pictures that are sent; they are looked at and forgotten, their SHA-256 is recorded."""
    async with upload_of(request, services.limits, services.held) as upload:
        return await _searched(request, services, visitor, Asked.of(upload.fields, upload.pictures))


@router.get("/pictures/{sha256}")
def picture(sha256: str, services: TheServices, generation: LiveOne) -> Response:
    """A picture of the live generation, of a product or an object."""
    if not generation.records.has_image(sha256):
        raise UnknownEntry(f"no picture {sha256[:64]!r} is in generation {generation.number}")
    return Response(services.images.read(sha256), media_type="image/jpeg", headers={"Cache-Control": _KEEP})


@router.get("/objects")
def objects(
    request: Request,
    services: TheServices,
    generation: LiveOne,
    authority: Word = "",
    kind: Word = "",
    country: Word = "",
    status: Word = "open",
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """The published objects, to choose the one to work on."""
    wanted = Wanted(authority, "" if status == "any" else status, kind, country)
    listed = services.listing.page(generation, wanted, ON_A_PAGE, after)
    return page(
        request,
        "work_objects.html",
        listed=listed,
        wanted=wanted,
        status=status,
        statuses=STATUSES,
        choices=Choices.of(services.listing.ordered(generation)),
    )


@router.get("/alerts")
def alerts(request: Request, services: TheServices) -> Response:
    """What the watches of open objects found, newest first."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records)
    return page(request, "work_alerts.html", alerts=found[::-1][:SHOWN_ALERTS], total=len(found))


async def _searched(request: Request, services: Services, visitor: Visitor, asked: Asked) -> Response:
    found = None if asked.empty else await services.turns.run(lambda: find(asked, services, visitor))
    with services.live.lease() as generation:
        return _bench(request, services, generation, asked, found)


def _bench(request: Request, services: Services, generation: Generation, asked: Asked, found: Found | None) -> Response:
    about = _about(generation, asked)
    return page(
        request,
        "work_search.html",
        asked=asked,
        chosen={name: dict(asked.filters).get(name, "") for name in FILTERS},
        about=about,
        max_note=MAX_NOTE,
        leads={(lead.source, lead.product_id): lead for lead in _leads(about, services)},
        found=found and found.answer,
        queries=found.queries if found else (),
        face=found is not None and found.face,
        evidence=_evidence(found.answer) if found else {},
        limits=LIMITS,
        knows_words=services.encoder.card.text,
    )


def _about(generation: Generation, asked: Asked) -> Entry | None:
    source, object_id = asked.about
    return entry_named(generation, "objects", object_id, source or None) if object_id else None


def _leads(about: Entry | None, services: Services) -> tuple[Lead, ...]:
    return services.leads.of_object(about.source, about.fields.entry_id) if about else ()


def _evidence(answer: Answer) -> dict[str, Any]:
    """What the comparison draws, by rank: matched points of each query picture, and the candidate's picture."""
    return {
        str(candidate.rank): {
            "image": candidate.image,
            "title": candidate.title or candidate.product_id,
            "matches": [match.model_dump(include={"pairs", "inliers"}) for match in candidate.evidence.matches],
        }
        for candidate in answer_response(answer).candidates
    }
