"""/recognise: a photo of something that somebody knows, compared with what is published, and forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from index.records.entries import Entry
from service.app.question import Question, regions_of
from service.app.services import Services
from service.app.uploaded_form import Upload
from service.http.dependencies import RateLimited, TheServices
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.public import object_address
from service.pages.rendering import page
from service.rendering.pictures import data_uri

router = APIRouter(include_in_schema=False, route_class=PageRoute)

SHOWN = 5
# How many are shown to whoever asks to see them, where nothing is close.
_NEAREST = 3
# Below this share of the best one's likelihood a further candidate only distracts.
_WORTH_A_LOOK = 0.25
_PHOTO_SIDE = 480


Shown = tuple[Entry, str, str]


@dataclass(frozen=True)
class Resembling:
    """What is told of a photo: a small copy of it for its owner's eyes, and the objects close to it.

    An object comes with its picture and the address of its page. `nearest`: the first where none is close.
    """

    photo: str
    close: tuple[Shown, ...]
    nearest: tuple[Shown, ...]


@router.get("/recognise")
def form(request: Request) -> Response:
    return page(request, "recognise.html", wrong="")


@router.post("/recognise", dependencies=[RateLimited])
async def compare(request: Request, services: TheServices) -> Response:
    """The published objects that a photo resembles, or that nothing does.

    The photo lives in memory until the answer is sent; decoding drops its metadata.
    """
    async with upload_of(request, services.limits, services.held) as upload:
        question = _question(upload)
        if question is None:
            return page(request, "recognise.html", 422, wrong="recognise.missing")
        found = await services.turns.run(lambda: _resembling(question, services))
    if found is None:
        return page(request, "recognise.html", 422, wrong="recognise.face")
    return page(request, "resembling.html", photo=found.photo, close=found.close, nearest=found.nearest)


def _question(upload: Upload) -> Question | None:
    """What a form asks; None without a photo. A browser sends an empty part for each empty field."""
    pictures = tuple(picture for picture in upload.pictures if picture)[:1]
    if not pictures:
        return None
    boxes = [text for name, text in upload.fields if name == "box" and text.strip()]
    return Question(pictures, regions_of(boxes[:1], 1), "", "objects", (), SHOWN)


def _resembling(question: Question, services: Services) -> Resembling | None:
    """What the photo resembles; None if it shows a face, which is not compared with anything."""
    query = services.decoded(question)
    if services.with_faces([query.images[0].pixels]):
        return None
    with services.live.lease() as generation:
        found = services.search(query, generation)
        photo = data_uri(query.images[0].region.of(query.images[0].pixels), _PHOTO_SIDE)
        shown = [(one.entry, one.image, object_address(generation, one.entry)) for one in found.candidates]
        if found.verdict == "no good match":
            return Resembling(photo, (), tuple(shown[:_NEAREST]))
        chances = [one.likelihood or 0.0 for one in found.candidates]
        worth = _WORTH_A_LOOK * max(chances)
        return Resembling(photo, tuple(one for one, chance in zip(shown, chances, strict=True) if chance >= worth), ())
