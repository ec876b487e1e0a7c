"""GET /v1/objects and /v1/objects/{id}: the published objects of the live generation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from service.api.openapi import problems
from service.api.schemas import ObjectPageResponse
from service.app.listing import ObjectFilter
from service.app.responses import ObjectResponse, object_response
from service.http.dependencies import GenerationDep, ServicesDep
from service.problems import AMBIGUOUS, INVALID, NOT_FOUND, NOT_READY

router = APIRouter(tags=["objects"])

Word = Annotated[str, Query(max_length=200)]


@router.get(
    "/v1/objects",
    summary="Published objects, newest first",
    response_model=ObjectPageResponse,
    responses=problems(INVALID, NOT_READY),
)
def objects(
    services: ServicesDep,
    generation: GenerationDep,
    authority: Annotated[Word, Query(description="Who published it.")] = "",
    status: Annotated[Word, Query(description="open, identified or closed.")] = "",
    kind: Annotated[Word, Query(description="Of this kind or one of its subkinds.")] = "",
    country: Annotated[Word, Query(description="One of its countries.")] = "",
    region: Annotated[Word, Query(description="Larger or smaller than a country.")] = "",
    series: Annotated[Word, Query(description="The objects of one case.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=100)] = None,
) -> JSONResponse:
    """The objects that match every filter given, regardless of case. Follow `next` for more."""
    wanted = ObjectFilter(authority, status, kind, country, region, series)
    page = services.listing.page(generation, wanted, limit, after)
    return JSONResponse(
        ObjectPageResponse(
            generation=generation.number,
            total=page.total,
            objects=[object_response(entry) for entry in page.objects],
            next=page.next,
        ).model_dump()
    )


@router.get(
    "/v1/objects/{object_id:path}",
    summary="One published object",
    response_model=ObjectResponse,
    responses=problems(NOT_FOUND, AMBIGUOUS, INVALID, NOT_READY),
)
def published_object(
    object_id: str,
    services: ServicesDep,
    generation: GenerationDep,
    source: Annotated[str | None, Query(description="The source meant, where several use the id.")] = None,
) -> JSONResponse:
    """A published object. Its id is the authority's own and may contain slashes."""
    return JSONResponse(object_response(services.settled.named(generation, object_id, source)).model_dump())
