"""/v1/series: the objects of one case, their candidates and leads, and where and when they were sold."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from index.search.provenance import Clue, ClueKind, Distribution, Provenance
from service.accounts.access import VisitorDep
from service.api.openapi import problems
from service.api.schemas import LeadResponse
from service.app.responses import CatalogueAnswerResponse, ObjectResponse, answer_response, object_response
from service.app.series import Series, SeriesObject, series_named
from service.http.dependencies import GenerationDep, RateLimitDep, ServicesDep
from service.problems import BUSY, FORBIDDEN, INVALID, NOT_FOUND, NOT_READY, SIGN_IN_NEEDED, TOO_OFTEN

router = APIRouter(tags=["objects"])


class ClueResponse(BaseModel):
    """What speaks for countries and years."""

    kind: ClueKind
    label: str = Field(examples=["Messenger bag"])
    weight: float = Field(description="The probability that it applies.", examples=[0.41])
    countries: list[str] = Field(description="Where it was sold.", examples=[["NL", "BE"]])
    made_in: list[str] = Field(examples=[["PT"]])
    years: list[int] | None = Field(description="The first and last on sale.", examples=[[2014, 2016]])


class CountryResponse(BaseModel):
    country: str = Field(description="ISO 3166 where it is one, else as feeds write it.", examples=["NL"])
    probability: float = Field(examples=[0.74])


class CountriesResponse(BaseModel):
    """Countries, most likely first; their probabilities and `unknown` are 1 together."""

    told: str | None = Field(description="The one that is likely enough to be named.", examples=["NL"])
    countries: list[CountryResponse]
    unknown: float = Field(examples=[0.2])


class YearResponse(BaseModel):
    year: int = Field(examples=[2015])
    probability: float = Field(examples=[0.6])


class ProvenanceResponse(BaseModel):
    """Where things were sold and made, and by when all of them were on sale."""

    sold: CountriesResponse
    made: CountriesResponse
    on_sale_by: list[YearResponse]
    left_out: list[ClueResponse] = Field(
        description="Clues that were not counted: they share a product or a shop with a stronger one of another object."
    )


class SeriesObjectResponse(BaseModel):
    """One object of a series; `answer` is null, and nothing follows from it, where it was not searched for."""

    source: str = Field(examples=["europol"])
    object: ObjectResponse
    leads: list[LeadResponse]
    answer: CatalogueAnswerResponse | None
    undecided: int = Field(description="Likely candidates without a decision.", examples=[2])
    clues: list[ClueResponse]
    too_late: list[ClueResponse] = Field(
        description="Candidates that are no clue: they came on sale after the object was last seen."
    )
    provenance: ProvenanceResponse


class SeriesResponse(BaseModel):
    """The objects of one case, newest first, and what they say together."""

    authority: str = Field(examples=["Europol"])
    name: str = Field(examples=["case 12"])
    generation: int = Field(examples=[12])
    objects: list[SeriesObjectResponse]
    together: ProvenanceResponse
    to_decide: str | None = Field(
        description="The object with the most candidates without a decision, by its id.", examples=["2024-017"]
    )
    without_catalogue: list[str] = Field(
        description="Countries that the objects name and in which no product of the catalogue is sold.",
        examples=[["JP"]],
    )


@router.get(
    "/v1/series",
    summary="A series: its objects, countries and years",
    response_model=SeriesResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, INVALID, TOO_OFTEN, NOT_READY, BUSY),
    dependencies=[RateLimitDep],
)
async def series(
    services: ServicesDep,
    generation: GenerationDep,
    visitor: VisitorDep,
    name: Annotated[str, Query(max_length=500, description="The series.", examples=["case 12"])],
    authority: Annotated[str, Query(max_length=500, description="Whose series it is.", examples=["Europol"])] = "",
    search: Annotated[bool, Query(description="false gives the objects and their leads alone, at once.")] = True,
) -> JSONResponse:
    """The objects of one case, and where and when they were sold, each and all together.

    Each object is searched for by all its crops, and every search is recorded in the audit.
    """
    found = await services.search_queue.run(
        lambda: series_named(authority, name, services, visitor, generation, search=search)
    )
    return JSONResponse(_series(found, generation.number).model_dump())


def _series(found: Series, generation: int) -> SeriesResponse:
    return SeriesResponse(
        authority=found.authority,
        name=found.name,
        generation=generation,
        objects=[_object(one) for one in found.objects],
        together=_provenance(found.together),
        to_decide=found.to_decide.entry.fields.entry_id if found.to_decide else None,
        without_catalogue=list(found.without_catalogue),
    )


def _object(one: SeriesObject) -> SeriesObjectResponse:
    answer = answer_response(one.answer, earlier=one.earlier) if one.answer else None
    return SeriesObjectResponse(
        source=one.entry.source,
        object=object_response(one.entry),
        leads=[LeadResponse(**lead.to_json()) for lead in one.leads],
        answer=answer if isinstance(answer, CatalogueAnswerResponse) else None,
        undecided=one.undecided,
        clues=[_clue(clue) for clue in one.clues.all],
        too_late=[_clue(clue) for clue in one.clues.too_late],
        provenance=_provenance(one.provenance),
    )


def _provenance(found: Provenance) -> ProvenanceResponse:
    return ProvenanceResponse(
        sold=_countries(found.sold),
        made=_countries(found.made),
        on_sale_by=[YearResponse(year=year, probability=round(share, 4)) for year, share in found.on_sale_by],
        left_out=[_clue(clue) for clue in found.left_out],
    )


def _countries(found: Distribution) -> CountriesResponse:
    listed = [CountryResponse(country=place, probability=round(share, 4)) for place, share in found.values]
    return CountriesResponse(told=found.told or None, countries=listed, unknown=round(found.unknown, 4))


def _clue(clue: Clue) -> ClueResponse:
    return ClueResponse(
        kind=clue.kind,
        label=clue.label,
        weight=round(clue.weight, 4),
        countries=list(clue.countries),
        made_in=list(clue.made_in),
        years=list(clue.years) if clue.years else None,
    )
