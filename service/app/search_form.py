"""The workbench's search form: uploaded pictures and pictures of the index, each with its boxes, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from embedding.image.regions import WHOLE, Region
from index.errors import QueryInvalid, UnknownEntry
from index.generations.manifest import Manifest
from index.records.feed_records import COLLECTIONS, Collection
from index.records.filters import Filter
from index.search.answer import MAX_IMAGES, MAX_LIMIT, Answer
from index.stores.images import ImageStore
from service.accounts.roles import Visitor
from service.app.elimination import EarlierDecision, earlier_decisions
from service.app.search_request import SearchRequest
from service.app.services import Services
from service.rendering.pictures import data_uri

FILTERS = (
    *("brand", "retailer", "country", "made_in", "gtin", "category", "seen_after", "seen_before"),
    *("region", "series"),
)
LIMITS = (12, 24, 60, MAX_LIMIT)
# Longest side, in pixels, of the query pictures that the page shows.
_DISPLAY_SIDE = 900

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class SearchForm:
    """The fields of a search.

    `pictures` are uploaded files; `crops` pictures of the index by SHA-256, which are numbered after them; `boxes` has
    (picture number from 0, box) pairs. `object_key` is the (source, id) of the object that the search is for, or two
    empty strings. `written`: the lines that a person says are written on the object; None where they are read.
    """

    pictures: tuple[bytes, ...] = ()
    crops: tuple[str, ...] = ()
    boxes: tuple[tuple[int, Region], ...] = ()
    text: str = ""
    collection: Collection = "catalogue"
    filters: tuple[tuple[str, str], ...] = ()
    limit: int = LIMITS[0]
    object_key: tuple[str, str] = ("", "")
    written: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, fields: Fields, pictures: Sequence[bytes] = ()) -> SearchForm:
        """Parse a form's fields; empty ones are ignored.

        Raises:
            QueryInvalid, RegionInvalid: a field has an invalid value.
        """
        given = [(name, text.strip()) for name, text in fields if text.strip()]
        last = dict(given)
        collection = last.get("collection", "catalogue")
        if collection not in COLLECTIONS:
            raise QueryInvalid(f"no collection is called {collection[:50]!r}")
        limit = last.get("limit", str(LIMITS[0]))
        if limit not in map(str, LIMITS):
            raise QueryInvalid(f"limit {limit[:50]!r}: choose one of {', '.join(map(str, LIMITS))}")
        return cls(
            tuple(picture for picture in pictures if picture),
            tuple(text for name, text in given if name == "crop"),
            tuple(_box(text) for name, text in given if name == "box"),
            last.get("text", ""),
            "objects" if collection == "objects" else "catalogue",
            tuple((name, last[name]) for name in FILTERS if name in last),
            int(limit),
            (last.get("source", ""), last.get("object", "")),
            tuple(text for name, text in given if name == "written") if "with_words" in last else None,
        )

    @property
    def is_empty(self) -> bool:
        return not (self.pictures or self.crops or self.text)

    def to_request(self, images: ImageStore) -> SearchRequest:
        """The search request: a picture with several boxes becomes one query picture for each of them.

        Raises:
            QueryInvalid: a box belongs to no picture, or there are too many pictures and boxes.
            UnknownEntry: a crop is not in the image store.
        """
        pictures = [*self.pictures, *(images.read(crop) for crop in self.crops)]
        names = [*("" for _ in self.pictures), *self.crops]
        if any(number >= len(pictures) for number, _ in self.boxes):
            raise QueryInvalid("a box belongs to a picture that is not there")
        crops = [
            (picture, names[number], region)
            for number, picture in enumerate(pictures)
            for region in [box for at, box in self.boxes if at == number] or [WHOLE]
        ]
        if len(crops) > MAX_IMAGES:
            raise QueryInvalid(
                f"{len(crops)} pictures and boxes: at most {MAX_IMAGES} of one object are taken together"
            )
        filters = tuple(Filter(name, value) for name, value in self.filters)
        return SearchRequest(
            tuple(picture for picture, _, _ in crops),
            tuple(region for _, _, region in crops),
            self.text,
            self.collection,
            filters,
            self.limit,
            tuple(name for _, name, _ in crops),
            written=self.written,
        )


@dataclass(frozen=True)
class SearchResult:
    """An answer, and the query pictures as data: URIs for the page, in the order of the query.

    `face_detected`: an uploaded picture seems to show a face. `manifest`: of the generation that answered. `earlier`:
    the decisions on each candidate's family, by rank.
    """

    answer: Answer
    query_pictures: tuple[str, ...]
    face_detected: bool
    manifest: Manifest
    earlier: Mapping[int, tuple[EarlierDecision, ...]]


def run_search(form: SearchForm, services: Services, visitor: Visitor) -> SearchResult:
    """Search the live generation, and record the search in the audit. Slow: call it from a worker thread.

    A picture of the index is never its own answer.

    Raises:
        Problem, QueryInvalid, FilterInvalid, UnknownEntry, TextUnsupported: the form cannot be answered.
    """
    request = form.to_request(services.images)
    query = services.decode_query(request)
    # A picture with several boxes appears several times in the query; the gate checks it once.
    uploaded = {
        data: image.pixels for data, image in zip(request.pictures, query.images, strict=True) if data in form.pictures
    }
    face_detected = bool(services.pictures_with_faces(list(uploaded.values())))
    with services.live.lease() as generation:
        for crop in form.crops:
            if not generation.records.has_image(crop):
                raise UnknownEntry(f"no picture {crop[:64]!r} is in generation {generation.number}")
        query = replace(query, without_images=form.crops)
        answer = services.recorded_search(request, query, generation, visitor, form.object_key)
        earlier = earlier_decisions(answer, generation, services.leads, form.object_key)
    shown = tuple(data_uri(image.region.of(image.pixels), _DISPLAY_SIDE) for image in query.images)
    return SearchResult(answer, shown, face_detected, generation.manifest, earlier)


def _box(text: str) -> tuple[int, Region]:
    """Parse "NUMBER:X0,Y0,X1,Y1": the picture's number from 0, and a box on it."""
    number, colon, box = text.partition(":")
    if not (colon and number.isascii() and number.isdigit() and len(number) < 3):
        raise QueryInvalid(f"box {text[:60]!r}: needs NUMBER:X0,Y0,X1,Y1")
    return int(number), Region.parse(box)
