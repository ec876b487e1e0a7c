"""/recognise: a volunteer's photo is compared with the published objects, and discarded."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from index.records.entries import Entry
from service.app.search_request import SearchRequest, regions_of
from service.app.services import Services
from service.app.uploaded_form import Upload
from service.http.dependencies import RateLimitDep, ServicesDep
from service.http.upload import upload_of
from service.pages.addresses import object_address
from service.pages.errors import PageRoute
from service.pages.rendering import page, public_page
from service.rendering.pictures import data_uri

router = APIRouter(include_in_schema=False, route_class=PageRoute)

CANDIDATES = 5
# How many candidates can be unfolded where the verdict is "no good match".
_NEAREST = 3
# Candidates below this share of the best one's likelihood are not shown.
_MIN_LIKELIHOOD_SHARE = 0.25
_PHOTO_SIDE = 480


ListedObject = tuple[Entry, str, str, str]


@dataclass(frozen=True)
class PhotoMatches:
    """The result page's content: a small copy of the photo as data: URI, and the objects that it resembles.

    An object comes as (entry, SHA-256 of its picture, URL of its page, URL of the form for a tip). `nearest` has the
    nearest objects where the verdict is "no good match"; `close` is empty then.
    """

    photo: str
    close: tuple[ListedObject, ...]
    nearest: tuple[ListedObject, ...]


@router.get("/recognise")
def form(request: Request) -> Response:
    return public_page(request, "recognise.html", error="")


@router.post("/recognise", dependencies=[RateLimitDep])
async def compare(request: Request, services: ServicesDep) -> Response:
    """The published objects that a photo resembles, if any.

    The photo is kept in memory until the response is sent; decoding drops its metadata.
    """
    async with upload_of(request, services.limits, services.public_bytes) as upload:
        search_request = _search_request(upload)
        if search_request is None:
            return page(request, "recognise.html", 422, error="recognise.missing")
        found = await services.comparisons.run(lambda: _matches(search_request, services))
    if found is None:
        return page(request, "recognise.html", 422, error="recognise.face")
    return page(request, "resembling.html", photo=found.photo, close=found.close, nearest=found.nearest)


@router.get("/recognise/wait")
async def wait(services: ServicesDep) -> JSONResponse:
    """How many comparisons wait or run, and about how many seconds one takes that is sent now."""
    queue = services.comparisons
    return JSONResponse({"waiting": queue.queued, "seconds": queue.wait_seconds})


def _search_request(upload: Upload) -> SearchRequest | None:
    """The search request of a form; None without a photo. Browsers send an empty part for each empty field."""
    pictures = tuple(picture for picture in upload.pictures if picture)[:1]
    if not pictures:
        return None
    boxes = [text for name, text in upload.fields if name == "box" and text.strip()]
    return SearchRequest(pictures, regions_of(boxes[:1], 1), "", "objects", (), CANDIDATES)


def _matches(request: SearchRequest, services: Services) -> PhotoMatches | None:
    """The objects that the photo resembles; None if it shows a face, in which case it is not searched."""
    query = services.decode_query(request)
    if services.pictures_with_faces([query.images[0].pixels]):
        return None
    with services.live.lease() as generation:
        answer = services.search(query, generation)
        photo = data_uri(query.images[0].region.of(query.images[0].pixels), _PHOTO_SIDE)
        listed = [
            (
                services.settled.current(one.entry),
                one.image,
                object_address(generation, one.entry),
                object_address(generation, one.entry, "/tips"),
            )
            for one in answer.candidates
        ]
        if answer.verdict == "no good match":
            return PhotoMatches(photo, (), tuple(listed[:_NEAREST]))
        likelihoods = [one.likelihood or 0.0 for one in answer.candidates]
        least = _MIN_LIKELIHOOD_SHARE * max(likelihoods)
        close = tuple(one for one, likelihood in zip(listed, likelihoods, strict=True) if likelihood >= least)
        return PhotoMatches(photo, close, ())
