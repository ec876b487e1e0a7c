"""POST /v1/objects and /v1/objects/{id}: publish an object, and change one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from index.records.entries import Entry, fields_of
from index.records.feed_records import ObjectRecord, ObjectStatus
from index.search.answer import MAX_IMAGES
from index.sources.published import crops_of
from service.accounts.access import VisitorDep
from service.api.openapi import form, problems
from service.app.publishing import change, publish
from service.app.responses import ObjectResponse, object_response
from service.http.dependencies import ServicesDep
from service.http.upload import upload_of
from service.problems import (
    BUSY,
    FACE_SEEN,
    FORBIDDEN,
    IMAGE_REFUSED,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    NOT_MULTIPART,
    SIGN_IN_NEEDED,
    TOO_LARGE,
    TOO_SLOW,
    WORKSPACE_BUSY,
)

router = APIRouter(tags=["curating"])

_TEXT = {"type": "string", "maxLength": 4000}
_WORD = {"type": "string", "maxLength": 512}
_AUTHORITY = {**_TEXT, "description": "Who publishes it.", "example": "Europol"}
_TITLE = {**_TEXT, "description": "A short description.", "example": "Blue plush rabbit"}
_DAY = "a day, a month or a year"
_DETAILS: dict[str, Any] = {
    "question": {**_TEXT, "description": "What is asked.", "example": "Where was this sold?"},
    "description": {**_TEXT, "description": "What is known of it; 1,000 characters are kept."},
    "seen_from": {"type": "string", "description": f"It was not seen before: {_DAY}.", "example": "2014"},
    "seen_until": {"type": "string", "description": f"It was not seen after: {_DAY}.", "example": "2016-05"},
    "series": {**_WORD, "description": "Shared by the objects of one case.", "example": "case 12"},
    "region": {**_WORD, "description": "Larger or smaller than a country.", "example": "Baltic states"},
}
_TIP_PAGE = {**_TEXT, "description": "Where tips go.", "example": "https://example.org/tips/2024-017"}
_PUBLISH_FIELDS: dict[str, Any] = {
    "image": {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "minItems": 1,
        "maxItems": MAX_IMAGES,
        "description": "Its crops. Copies without metadata are kept; one that shows a face is refused.",
    },
    "authority": _AUTHORITY,
    "object_id": {
        "type": "string",
        "maxLength": 512,
        "description": "The authority's reference for it.",
        "example": "2024-017",
    },
    "title": _TITLE,
    "kind": {**_TEXT, "description": "What kind of thing.", "example": "toy"},
    "country": {**_TEXT, "description": "Where it was seen, if that is known.", "example": "NL"},
    "published": {
        "type": "string",
        "format": "date",
        "description": "Since when; by default today.",
        "example": "2024-03-01",
    },
    "tip_page": _TIP_PAGE,
    **_DETAILS,
}
_CHANGE_FIELDS: dict[str, Any] = {
    "authority": _AUTHORITY,
    "title": _TITLE,
    "status": {
        "type": "string",
        "enum": [str(status) for status in ObjectStatus],
        "description": "Whether tips are still asked for.",
        "example": "identified",
    },
    "tip_page": _TIP_PAGE,
    **_DETAILS,
}


@router.post(
    "/v1/objects",
    summary="Publish an object",
    status_code=201,
    response_model=ObjectResponse,
    responses=problems(
        MALFORMED, SIGN_IN_NEEDED, FORBIDDEN, TOO_SLOW, WORKSPACE_BUSY, TOO_LARGE, NOT_MULTIPART, IMAGE_REFUSED,
        FACE_SEEN, INVALID, BUSY,
    ),
    openapi_extra=form(_PUBLISH_FIELDS, ("image", "authority", "object_id")),
)  # fmt: skip
async def publish_object(request: Request, services: ServicesDep, visitor: VisitorDep) -> JSONResponse:
    """Publish an object with the status open. It is shown and searchable after the next re-index."""
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        record = await services.search_queue.run(lambda: publish(upload, services, visitor))
    return JSONResponse(_response(record).model_dump(), 201)


@router.post(
    "/v1/objects/{object_id:path}",
    summary="Change an object that was published here",
    response_model=ObjectResponse,
    responses=problems(
        MALFORMED, SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, TOO_SLOW, WORKSPACE_BUSY, TOO_LARGE, NOT_MULTIPART, INVALID,
        BUSY,
    ),
    openapi_extra=form(_CHANGE_FIELDS, ("authority",)),
)  # fmt: skip
async def change_object(request: Request, object_id: str, services: ServicesDep, visitor: VisitorDep) -> JSONResponse:
    """Change the fields that are sent; the others stay. It is shown after the next re-index.

    Objects that come from a feed can be changed in that feed only.
    """
    async with upload_of(request, services.limits, services.reserved_bytes) as upload:
        fields = upload.fields_by_name(tuple(_CHANGE_FIELDS), keep_empty=True)
    record = await services.search_queue.run(lambda: change(object_id, fields, services, visitor))
    return JSONResponse(_response(record).model_dump())


def _response(record: ObjectRecord) -> ObjectResponse:
    return object_response(Entry(0, "objects", "", fields_of(record, ""), crops_of(record)))
