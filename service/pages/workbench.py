"""The workbench: search by crops, choose the object to work on, read the alerts of the nightly watch."""

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
from index.search.provenance import provenance
from service.accounts.access import VisitorDep
from service.accounts.roles import Visitor
from service.app.find_entry import entry_named
from service.app.leads import MAX_NOTE, LeadRecord
from service.app.responses import answer_response
from service.app.search_form import FILTERS, LIMITS, SearchForm, SearchResult, run_search
from service.app.series import clues_of
from service.app.services import Services
from service.app.text_responses import reading_response
from service.http.dependencies import GenerationDep, RateLimitDep, ServicesDep
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.object_filter import ANY_STATUS, STATUSES, Choices, ObjectFilterDep
from service.pages.rendering import page
from service.rendering.language import language_of, words_in
from service.rendering.provenance_view import ProvenanceView, provenance_view

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

# "private": shared caches must not keep what not everybody may see.
_CACHE_CONTROL = "private, max-age=31536000, immutable"
ON_A_PAGE = 60
MAX_ALERTS = 500


@router.get("")
def bench(request: Request, services: ServicesDep, generation: GenerationDep) -> Response:
    """The search form before a search, with the object and the crops that the URL names."""
    return _bench(request, services, generation, SearchForm.parse(request.query_params.multi_items()), None)


@router.get("/search", dependencies=[RateLimitDep])
async def search_by_address(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """A search whose fields are in the URL: by crops of the index and words."""
    return await _search(request, services, visitor, SearchForm.parse(request.query_params.multi_items()))


@router.post("/search", dependencies=[RateLimitDep])
async def search_by_form(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """A search by uploaded pictures, which are discarded afterwards; their SHA-256 is recorded in the audit."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        return await _search(request, services, visitor, SearchForm.parse(upload.fields, upload.pictures))


@router.get("/pictures/{sha256}")
def picture(sha256: str, services: ServicesDep, generation: GenerationDep) -> Response:
    """A picture of the live generation, of a product or an object."""
    if not generation.records.has_image(sha256):
        raise UnknownEntry(f"no picture {sha256[:64]!r} is in generation {generation.number}")
    return Response(services.images.read(sha256), media_type="image/jpeg", headers={"Cache-Control": _CACHE_CONTROL})


@router.get("/objects")
def objects(
    request: Request,
    services: ServicesDep,
    generation: GenerationDep,
    chosen: ObjectFilterDep,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """The published objects, to choose the one to work on."""
    listed = services.listing.page(generation, chosen, ON_A_PAGE, after)
    return page(
        request,
        "work_objects.html",
        listed=listed,
        object_filter=chosen,
        status=chosen.status or ANY_STATUS,
        statuses=STATUSES,
        choices=Choices.of(services.listing.ordered(generation)),
    )


@router.get("/alerts")
def alerts(request: Request, services: ServicesDep) -> Response:
    """The alerts of the watch over open objects, newest first."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records)
    return page(request, "work_alerts.html", alerts=found[::-1][:MAX_ALERTS], total=len(found))


async def _search(request: Request, services: Services, visitor: Visitor, form: SearchForm) -> Response:
    result = None if form.is_empty else await services.search_queue.run(lambda: run_search(form, services, visitor))
    with services.live.lease() as generation:
        return _bench(request, services, generation, form, result)


def _bench(
    request: Request, services: Services, generation: Generation, form: SearchForm, result: SearchResult | None
) -> Response:
    work_object = _work_object(generation, form)
    leads = _leads(work_object, services)
    return page(
        request,
        "work_search.html",
        form=form,
        filters={name: dict(form.filters).get(name, "") for name in FILTERS},
        work_object=work_object,
        max_note=MAX_NOTE,
        leads={(lead.source, lead.product_id): lead for lead in leads},
        answer=result and result.answer,
        query_pictures=result.query_pictures if result else (),
        face_detected=result is not None and result.face_detected,
        evidence=_evidence(result.answer) if result else {},
        earlier=result.earlier if result else {},
        provenance=_provenance(request, result.answer, work_object, leads, generation) if result else None,
        limits=LIMITS,
        read=[reading_response(reading) for reading in result.answer.readings] if result else (),
    )


def _work_object(generation: Generation, form: SearchForm) -> Entry | None:
    """The object that the search is for."""
    source, object_id = form.object_key
    return entry_named(generation, "objects", object_id, source or None) if object_id else None


def _leads(work_object: Entry | None, services: Services) -> tuple[LeadRecord, ...]:
    return services.leads.of_object(work_object.source, work_object.fields.entry_id) if work_object else ()


def _provenance(
    request: Request, answer: Answer, entry: Entry | None, leads: tuple[LeadRecord, ...], generation: Generation
) -> ProvenanceView | None:
    """Where and when the candidates were sold; None where nothing of it is known."""
    clues = clues_of(entry, answer.candidates, leads, answer.readings)
    found = provenance([clues], generation.records.country_shares)
    view = provenance_view(found, clues.all, words_in(language_of(request)), clues.too_late)
    return view if view.any else None


def _evidence(answer: Answer) -> dict[str, Any]:
    """The data of the comparison dialog, by rank: matched points of each query picture, and the candidate's picture."""
    return {
        str(candidate.rank): {
            "image": candidate.image,
            "title": candidate.title or candidate.product_id,
            "matches": [match.model_dump(include={"pairs", "inliers"}) for match in candidate.evidence.matches],
            "words": [word.model_dump(exclude={"field"}) for word in candidate.evidence.words],
        }
        for candidate in answer_response(answer).candidates
    }
