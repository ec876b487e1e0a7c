"""GET /v1/images/{sha256}: the normalised copy of a picture of the live generation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import Response

from index.errors import UnknownEntry
from index.records.feed_records import Collection
from service.accounts.access import VisitorDep
from service.accounts.roles import Role
from service.api.openapi import problems
from service.http.dependencies import GenerationDep, ServicesDep
from service.problems import NOT_FOUND, NOT_READY

router = APIRouter(tags=["images"])

# A SHA-256 never changes its content. "private": shared caches must not keep what not everybody may see.
_CACHE_CONTROL = "private, max-age=31536000, immutable"


@router.get(
    "/v1/images/{sha256}",
    summary="One picture",
    response_class=Response,
    responses={
        200: {"description": "The picture", "content": {"image/jpeg": {}}},
        304: {"description": "The client's copy is current"},
        **problems(NOT_FOUND, NOT_READY),
    },
)
def image(
    sha256: Annotated[str, Path(description="SHA-256 of the picture's original bytes.")],
    services: ServicesDep,
    generation: GenerationDep,
    visitor: VisitorDep,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A JPEG copy without metadata, its long side bounded; only pictures of the live generation are shown, and
    those of products to investigators alone."""
    visible: Collection | None = None if visitor.may(Role.INVESTIGATOR) else "objects"
    if not generation.records.has_image(sha256, visible):
        raise UnknownEntry(f"no image {sha256!r} is in generation {generation.number}")
    tag = f'"{sha256}"'
    headers = {"ETag": tag, "Cache-Control": _CACHE_CONTROL}
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(services.images.read(sha256), media_type="image/jpeg", headers=headers)


def _matches(condition: str, tag: str) -> bool:
    """Whether If-None-Match names a tag, by weak comparison (RFC 9110)."""
    named = [item.strip().removeprefix("W/") for item in condition.split(",")]
    return tag in named or "*" in named
