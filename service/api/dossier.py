"""/v1/alerts and /v1/dossier: what the nights found, and all that is known of an object."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from index.jobs.alerts import list_alerts
from index.records.database import Database
from service.accounts.access import TheVisitor
from service.api.openapi import problems
from service.api.schemas import AlertList
from service.app.dossier import file_name
from service.app.dossier_file import MEDIA, Form, written
from service.app.find_entry import entry_named
from service.http.dependencies import LiveOne, RateLimited, TheServices
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
    summary="What the watches of open objects found",
    response_model=AlertList,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, INVALID),
)
def alerts(
    services: TheServices,
    since: Annotated[
        str, Query(max_length=40, description="Only those found from then on.", examples=["2026-03-01"])
    ] = "",
) -> JSONResponse:
    """Products that may be an open object's, each told once, the oldest first."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records, since=since)
    return JSONResponse({"alerts": [{**asdict(alert), "reported": alert.reported or None} for alert in found]})


@router.get(
    "/v1/dossier",
    summary="An object's dossier",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {media.partition(";")[0]: {} for media in MEDIA.values()}},
        **problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, AMBIGUOUS, INVALID, TOO_OFTEN, NOT_READY, BUSY),
    },
    dependencies=[RateLimited],
)
async def dossier(
    services: TheServices,
    generation: LiveOne,
    visitor: TheVisitor,
    object_id: Annotated[str, Query(max_length=500, examples=["2024-017"])],
    source: Annotated[
        str | None, Query(max_length=500, description="The source meant, where several use the id.")
    ] = None,
    form: Annotated[Form, Query(description="What to write it as.")] = "pdf",
    language: Annotated[Language, Query(description="What to write it in.")] = "en",
) -> Response:
    """Pictures, candidates with their evidence, leads, alerts, model, generation, query and times, in one file.

    It searches anew, by the object's crops.
    """
    entry = entry_named(generation, "objects", object_id, source)
    body = await services.turns.run(lambda: written(entry, form, words_in(language), services, visitor))
    headers = {"Content-Disposition": f'attachment; filename="{file_name(entry, form)}"'}
    return Response(body, media_type=MEDIA[form], headers=headers)
