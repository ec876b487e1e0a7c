"""POST /v1/search: pictures, words or both, to candidates."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from embedding.text.reading import MAX_CHARACTERS
from index.records.feed_records import COLLECTIONS
from index.records.filters import KEYS
from index.search.answer import MAX_IMAGES, MAX_LIMIT, MAX_TEXT, MAX_WRITTEN
from service.accounts.access import VisitorDep
from service.accounts.roles import Role, Visitor
from service.api.openapi import problems
from service.app.elimination import earlier_decisions
from service.app.gate import face_problem
from service.app.responses import CatalogueAnswerResponse, ObjectsAnswerResponse, answer_response
from service.app.search_request import DEFAULT_LIMIT, SearchRequest, parse_search_request
from service.app.services import Services
from service.http.dependencies import RateLimitDep, ServicesDep
from service.http.upload import upload_of
from service.problems import (
    BUSY,
    FACE_SEEN,
    FORBIDDEN,
    IMAGE_REFUSED,
    INVALID,
    MALFORMED,
    NOT_MULTIPART,
    NOT_READY,
    SIGN_IN_NEEDED,
    TOO_LARGE,
    TOO_OFTEN,
    TOO_SLOW,
)

router = APIRouter(tags=["search"])

_BOX = (
    "The thing in the picture: x0,y0,x1,y1 in fractions of its upright width and height, such as 0.1,0.2,0.6,0.9. "
    "Once for all pictures, or once for each in order."
)
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "image": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "maxItems": MAX_IMAGES,
            "description": "Pictures of one and the same thing: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.",
        },
        "collection": {
            "type": "string",
            "enum": list(COLLECTIONS),
            "default": "catalogue",
            "description": "Products for a published crop, or published objects for a photo of something recognised.",
        },
        "box": {"type": "array", "items": {"type": "string"}, "description": _BOX},
        "text": {
            "type": "string",
            "maxLength": MAX_TEXT,
            "description": "Words to search by, alone or with the pictures.",
        },
        "written": {
            "type": "array",
            "items": {"type": "string", "maxLength": MAX_CHARACTERS},
            "maxItems": MAX_WRITTEN,
            "description": "Lines that are written on the thing, such as its brand or the number of its barcode; then "
            "none is read off the pictures.",
        },
        "read_text": {
            "type": "boolean",
            "default": True,
            "description": "false does not read what is written on the pictures.",
        },
        "filter": {
            "type": "array",
            "items": {"type": "string"},
            "description": f"KEY=VALUE, such as brand=Luma; several of one key mean any. Keys: {', '.join(KEYS)}.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "rerank": {
            "type": "boolean",
            "default": True,
            "description": "false ranks by embeddings alone, without re-ranking by local features: about seven times "
            "faster and less accurate, above all for rotated photos. `matches` are empty then, and `likelihood` is "
            "null.",
        },
    },
}
_REPEATED = {"style": "form", "explode": True}
_OPENAPI = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _FORM,
                "encoding": {"box": _REPEATED, "filter": _REPEATED, "written": _REPEATED},
                "example": {
                    "collection": "catalogue",
                    "box": ["0.1,0.2,0.6,0.9"],
                    "filter": ["brand=Luma"],
                    "limit": 10,
                },
            },
        },
    }
}


@router.post(
    "/v1/search",
    name="search",
    summary="Find what resembles the thing in the pictures",
    response_model=CatalogueAnswerResponse | ObjectsAnswerResponse,
    responses=problems(
        MALFORMED, SIGN_IN_NEEDED, FORBIDDEN, TOO_SLOW, TOO_LARGE, NOT_MULTIPART, IMAGE_REFUSED, FACE_SEEN, INVALID,
        TOO_OFTEN, NOT_READY, BUSY,
    ),
    openapi_extra=_OPENAPI,
    dependencies=[RateLimitDep],
)  # fmt: skip
async def post_search(request: Request, services: ServicesDep, visitor: VisitorDep) -> JSONResponse:
    """Candidates, best first, with the generation and the model that found them.

    Pictures are discarded after the answer: they are kept neither on disk nor in a log. A picture that shows a face is
    refused, but for investigators it is searched all the same, and named in `faces`.
    """
    investigator = visitor.may(Role.INVESTIGATOR)
    reserved_bytes = services.reserved_bytes if investigator else services.public_bytes
    queue = services.search_queue if investigator else services.comparisons
    async with upload_of(request, services.limits, reserved_bytes) as upload:
        search_request = parse_search_request(upload)
        if search_request.collection == "catalogue":
            visitor.require(Role.INVESTIGATOR)
        return JSONResponse(await queue.run(lambda: _answer(search_request, services, visitor)))


def _answer(request: SearchRequest, services: Services, visitor: Visitor) -> dict[str, Any]:
    query = services.decode_query(request)
    faces = services.pictures_with_faces([image.pixels for image in query.images])
    if faces and not visitor.may(Role.INVESTIGATOR):
        raise face_problem(faces[0])
    # Leased here and not when the request arrived: a search that was queued answers from the newest generation.
    with services.live.lease() as generation:
        if visitor.may(Role.INVESTIGATOR):
            answer = services.recorded_search(request, query, generation, visitor)
        else:
            # Nothing of a volunteer's upload is kept, not even its SHA-256 in the audit.
            answer = services.search(query, generation, rerank=request.rerank)
        earlier = earlier_decisions(answer, generation, services.leads) if visitor.may_read_leads else None
        return answer_response(answer, faces, earlier).model_dump()
