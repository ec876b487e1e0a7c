"""GET /v1/images/{sha256}: the normalised copy of a picture that the live generation shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import Response

from index.errors import UnknownEntry
from index.records.feed_records import Collection
from service.accounts.access import TheVisitor
from service.accounts.roles import Role
from service.api.openapi import problems
from service.http.dependencies import LiveOne, TheServices
from service.problems import NOT_FOUND, NOT_READY

router = APIRouter(tags=["images"])

# A name stands for one content for ever. "private": shared caches must not keep what needs a right to see.
_KEEP = "private, max-age=31536000, immutable"


@router.get(
    "/v1/images/{sha256}",
    summary="One picture",
    response_class=Response,
    responses={
        200: {"description": "The picture", "content": {"image/jpeg": {}}},
        304: {"description": "The copy you have is the right one"},
        **problems(NOT_FOUND, NOT_READY),
    },
)
def image(
    sha256: Annotated[str, Path(description="SHA-256 of the picture's original bytes.")],
    services: TheServices,
    generation: LiveOne,
    visitor: TheVisitor,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A JPEG copy without metadata, its long side bounded; only pictures of the live generation are shown, and
    those of products to investigators alone."""
    seen: Collection | None = None if visitor.may(Role.INVESTIGATOR) else "objects"
    if not generation.records.has_image(sha256, seen):
        raise UnknownEntry(f"no image {sha256!r} is in generation {generation.number}")
    tag = f'"{sha256}"'
    headers = {"ETag": tag, "Cache-Control": _KEEP}
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(services.images.read(sha256), media_type="image/jpeg", headers=headers)


def _matches(condition: str, tag: str) -> bool:
    """Whether If-None-Match names a tag, compared weakly as RFC 9110 asks."""
    named = [item.strip().removeprefix("W/") for item in condition.split(",")]
    return tag in named or "*" in named
