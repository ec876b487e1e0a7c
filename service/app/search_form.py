"""A search of the workbench: pictures sent or named, each with its boxes, and what was found for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from embedding.image.regions import WHOLE, Region
from index.errors import QueryInvalid, UnknownEntry
from index.records.feed_records import COLLECTIONS, Collection
from index.records.filters import Filter
from index.search.answer import MAX_IMAGES, MAX_LIMIT, Answer
from index.stores.images import ImageStore
from service.accounts.roles import Visitor
from service.app.question import Question
from service.app.services import Services
from service.rendering.pictures import data_uri

FILTERS = ("brand", "retailer", "country", "category", "seen_after", "seen_before")
LIMITS = (12, 24, 60, MAX_LIMIT)
_SHOWN_SIDE = 900

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """A search as the form tells it.

    `pictures` are bytes; `crops` pictures of the index by SHA-256, which follow them; `boxes` tells the boxes of each
    by its place among both. `about` is the object the search is for: its source and its id, or neither.
    """

    pictures: tuple[bytes, ...] = ()
    crops: tuple[str, ...] = ()
    boxes: tuple[tuple[int, Region], ...] = ()
    text: str = ""
    collection: Collection = "catalogue"
    filters: tuple[tuple[str, str], ...] = ()
    limit: int = LIMITS[0]
    about: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, fields: Fields, pictures: Sequence[bytes] = ()) -> Asked:
        """Read a form's fields, leaving out what was left empty.

        Raises:
            QueryInvalid, RegionInvalid: a field says what cannot be.
        """
        told = [(name, text.strip()) for name, text in fields if text.strip()]
        last = dict(told)
        collection = last.get("collection", "catalogue")
        if collection not in COLLECTIONS:
            raise QueryInvalid(f"no collection is called {collection[:50]!r}")
        limit = last.get("limit", str(LIMITS[0]))
        if limit not in map(str, LIMITS):
            raise QueryInvalid(f"limit {limit[:50]!r}: choose one of {', '.join(map(str, LIMITS))}")
        return cls(
            tuple(picture for picture in pictures if picture),
            tuple(text for name, text in told if name == "crop"),
            tuple(_box(text) for name, text in told if name == "box"),
            last.get("text", ""),
            "objects" if collection == "objects" else "catalogue",
            tuple((name, last[name]) for name in FILTERS if name in last),
            int(limit),
            (last.get("source", ""), last.get("object", "")),
        )

    @property
    def empty(self) -> bool:
        return not (self.pictures or self.crops or self.text)

    def question(self, images: ImageStore) -> Question:
        """The question to the index: a picture with several boxes is asked once for each of them.

        Raises:
            QueryInvalid: a box belongs to no picture, or there is too much.
            UnknownEntry: a crop is not in the image store.
        """
        pictures = [*self.pictures, *(images.read(crop) for crop in self.crops)]
        names = [*("" for _ in self.pictures), *self.crops]
        if any(place >= len(pictures) for place, _ in self.boxes):
            raise QueryInvalid("a box belongs to a picture that is not there")
        cut = [
            (picture, names[place], region)
            for place, picture in enumerate(pictures)
            for region in [box for at, box in self.boxes if at == place] or [WHOLE]
        ]
        if len(cut) > MAX_IMAGES:
            raise QueryInvalid(f"{len(cut)} pictures and boxes: at most {MAX_IMAGES} of one object are taken together")
        filters = tuple(Filter(name, value) for name, value in self.filters)
        return Question(
            tuple(picture for picture, _, _ in cut),
            tuple(region for _, _, region in cut),
            self.text,
            self.collection,
            filters,
            self.limit,
            tuple(name for _, name, _ in cut),
        )


@dataclass(frozen=True)
class Found:
    """An answer, and what was asked as pictures that a page can show: data: addresses, in the order of the query.

    `face`: a picture that was sent seems to show one.
    """

    answer: Answer
    queries: tuple[str, ...]
    face: bool


def find(asked: Asked, services: Services, visitor: Visitor) -> Found:
    """Search the live generation, and record it. Takes its time: for a worker thread.

    A picture of the index does not answer for itself.

    Raises:
        Problem, QueryInvalid, FilterInvalid, UnknownEntry, TextUnsupported: it cannot be answered as asked.
    """
    question = asked.question(services.images)
    query = services.decoded(question)
    # Several boxes on a picture are several pictures of the query: it is looked at once.
    sent = {
        data: image.pixels
        for data, image in zip(question.pictures, query.images, strict=True)
        if data in asked.pictures
    }
    face = bool(services.with_faces(list(sent.values())))
    with services.live.lease() as generation:
        for crop in asked.crops:
            if not generation.records.has_image(crop):
                raise UnknownEntry(f"no picture {crop[:64]!r} is in generation {generation.number}")
        query = replace(query, without_images=asked.crops)
        found = services.recorded_search(question, query, generation, visitor, asked.about)
    return Found(found, tuple(data_uri(image.region.of(image.pixels), _SHOWN_SIDE) for image in query.images), face)


def _box(text: str) -> tuple[int, Region]:
    """Read "PLACE:X0,Y0,X1,Y1"."""
    place, colon, box = text.partition(":")
    if not (colon and place.isascii() and place.isdigit() and len(place) < 3):
        raise QueryInvalid(f"box {text[:60]!r}: needs PLACE:X0,Y0,X1,Y1")
    return int(place), Region.parse(box)
