"""/v1/alerts and /v1/dossier: the alerts of the nightly watch, and an object's dossier."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from index.jobs.alerts import list_alerts
from index.records.database import Database
from service.accounts.access import VisitorDep
from service.api.openapi import problems
from service.api.schemas import AlertListResponse
from service.app.dossier import file_name
from service.app.dossier_file import MEDIA_TYPES, DossierFormat, render_dossier
from service.app.find_entry import entry_named
from service.http.dependencies import GenerationDep, RateLimitDep, ServicesDep
from service.problems import (
    AMBIGUOUS,
    BUSY,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    NOT_READY,
    SIGN_IN_NEEDED,
    TOO_OFTEN,
)
from service.rendering.language import Language, words_in

router = APIRouter(tags=["objects"])


@router.get(
    "/v1/alerts",
    summary="Alerts of the watch over open objects",
    response_model=AlertListResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, INVALID),
)
def alerts(
    services: ServicesDep,
    since: Annotated[
        str, Query(max_length=40, description="Only those found from then on.", examples=["2026-03-01"])
    ] = "",
) -> JSONResponse:
    """Products that may match an open object, each reported once, the oldest first."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records, since=since)
    return JSONResponse({"alerts": [{**asdict(alert), "reported": alert.reported or None} for alert in found]})


@router.get(
    "/v1/dossier",
    summary="An object's dossier",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {media.partition(";")[0]: {} for media in MEDIA_TYPES.values()}},
        **problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, AMBIGUOUS, INVALID, TOO_OFTEN, NOT_READY, BUSY),
    },
    dependencies=[RateLimitDep],
)
async def dossier(
    services: ServicesDep,
    generation: GenerationDep,
    visitor: VisitorDep,
    object_id: Annotated[str, Query(max_length=500, examples=["2024-017"])],
    source: Annotated[
        str | None, Query(max_length=500, description="The source meant, where several use the id.")
    ] = None,
    form: Annotated[DossierFormat, Query(description="The file format.")] = "pdf",
    language: Annotated[Language, Query(description="The language of its text.")] = "en",
) -> Response:
    """Pictures, candidates with their evidence, leads, alerts, model, generation, query and times, in one file.

    Each request runs a new search by the object's crops.
    """
    entry = entry_named(generation, "objects", object_id, source)
    body = await services.search_queue.run(lambda: render_dossier(entry, form, words_in(language), services, visitor))
    headers = {"Content-Disposition": f'attachment; filename="{file_name(entry, form)}"'}
    return Response(body, media_type=MEDIA_TYPES[form], headers=headers)
