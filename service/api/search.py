"""POST /v1/search: pictures, words or both, to candidates."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from index.records.feed_records import COLLECTIONS
from index.records.filters import KEYS
from index.search.answer import MAX_IMAGES, MAX_LIMIT, MAX_TEXT
from service.accounts.access import TheVisitor
from service.accounts.roles import Role, Visitor
from service.api.openapi import problems
from service.app.gate import face_seen
from service.app.question import DEFAULT_LIMIT, Question, question_of
from service.app.responses import CatalogueAnswerResponse, ObjectsAnswerResponse, answer_response
from service.app.services import Services
from service.http.dependencies import RateLimited, TheServices
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
            "description": "Words to search by, alone or with the pictures, where the model knows words.",
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
            "description": "false answers by embeddings alone, without the closer look by local features: some seven "
            "times as soon, and less often right, least of all for a photo taken turned. Matches are empty then, and "
            "no likelihood is told.",
        },
    },
}
_REPEATED = {"style": "form", "explode": True}
_REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _FORM,
                "encoding": {"box": _REPEATED, "filter": _REPEATED},
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
    openapi_extra=_REQUEST,
    dependencies=[RateLimited],
)  # fmt: skip
async def post_search(request: Request, services: TheServices, visitor: TheVisitor) -> JSONResponse:
    """Candidates, best first, stamped with the generation and the model that found them.

    Pictures are looked at and forgotten: they are kept neither on disk nor in a log. One that shows a face is refused;
    an investigator's is searched for all the same, and named in `faces`.
    """
    async with upload_of(request, services.limits, services.held) as upload:
        question = question_of(upload)
        if question.collection == "catalogue":
            visitor.require(Role.INVESTIGATOR)
        return JSONResponse(await services.turns.run(lambda: _answer(question, services, visitor)))


def _answer(question: Question, services: Services, visitor: Visitor) -> dict[str, Any]:
    query = services.decoded(question)
    faces = services.with_faces([image.pixels for image in query.images])
    if faces and not visitor.may(Role.INVESTIGATOR):
        raise face_seen(faces[0])
    # Leased when its turn has come: a search that waited answers from what is live then.
    with services.live.lease() as generation:
        if visitor.may(Role.INVESTIGATOR):
            answer = services.recorded_search(question, query, generation, visitor)
        else:
            # Of what a volunteer sends, nothing is kept: not even its SHA-256.
            answer = services.search(query, generation, rerank=question.rerank)
        return answer_response(answer, faces).model_dump()
