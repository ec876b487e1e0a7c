"""From an upload to a question, and from the question to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedding.errors import ImageRefused, RegionInvalid
from embedding.image.decode import decode
from embedding.image.regions import WHOLE, Region
from index.errors import QueryInvalid
from index.records.feed_records import COLLECTIONS, Collection
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from service.app.uploaded_form import PICTURE, Upload
from service.problems import of_picture

ONCE = ("collection", "text", "limit", "rerank")
REPEATED = ("box", "filter")
DEFAULT_LIMIT = 10


@dataclass(frozen=True)
class Question:
    """A search as it was asked: pictures still as bytes, everything else read.

    `named` tells which of the pictures are of the index, by their SHA-256 there; "" for one that was sent. `rerank`
    asks for the closer look.
    """

    pictures: tuple[bytes, ...]
    regions: tuple[Region, ...]
    text: str
    collection: Collection
    filters: tuple[Filter, ...]
    limit: int
    named: tuple[str, ...] = ()
    rerank: bool = True


def question_of(upload: Upload) -> Question:
    """Read a form's fields.

    Raises:
        QueryInvalid, RegionInvalid, FilterInvalid: a field is unknown, given twice, or says what cannot be.
    """
    known = (PICTURE, *ONCE, *REPEATED)
    told: dict[str, list[str]] = {name: [] for name in known}
    for name, text in upload.fields:
        if name not in told:
            raise QueryInvalid(f"no field is called {name[:50]!r}; there are {', '.join(known)}")
        # A form sends an empty field where nothing was filled in: that is not told.
        if text.strip():
            told[name].append(text)
    for name in ONCE:
        if len(told[name]) > 1:
            raise QueryInvalid(f"{name} is given {len(told[name])} times: give it once")
    return Question(
        pictures=upload.pictures,
        regions=regions_of(told["box"], len(upload.pictures)),
        text=_last(told["text"], ""),
        collection=_collection(_last(told["collection"], "catalogue")),
        filters=tuple(Filter.parse(text) for text in told["filter"]),
        limit=_whole_number(_last(told["limit"], str(DEFAULT_LIMIT))),
        rerank=_truth("rerank", _last(told["rerank"], "true")),
    )


def regions_of(boxes: Sequence[str], pictures: int) -> tuple[Region, ...]:
    """One region for each picture: the whole of it, the one box given for all, or its own box.

    Raises:
        RegionInvalid: a box cannot be read, or their number fits neither.
    """
    regions = tuple(Region.parse(box) for box in boxes)
    if len(regions) == pictures:
        return regions
    if len(regions) > 1 or (regions and pictures == 0):
        raise RegionInvalid(f"{len(regions)} boxes for {pictures} pictures: give one, or one for each picture in order")
    return (regions or (WHOLE,)) * pictures


def query_of(question: Question, pixels: int) -> Query:
    """The question with its pictures decoded: what the index is asked. Takes its time: for a worker thread.

    Args:
        pixels: how many the pictures may have together.

    Raises:
        Problem: a picture cannot be used; it says which.
        QueryInvalid: there is nothing to search for, or too much.
    """
    images: list[QueryImage] = []
    left = pixels
    for number, (data, region) in enumerate(zip(question.pictures, question.regions, strict=True), start=1):
        try:
            image = QueryImage(decode(data), region)
        except ImageRefused as error:
            raise of_picture(number, error) from error
        left -= image.pixels.shape[0] * image.pixels.shape[1]
        if left < 0:
            raise QueryInvalid(f"the pictures have more than {pixels} pixels together: send smaller or fewer ones")
        images.append(image)
    return Query(tuple(images), question.text, question.collection, question.filters, question.limit)


def _last(values: Sequence[str], otherwise: str) -> str:
    return values[-1] if values else otherwise


def _collection(text: str) -> Collection:
    for collection in COLLECTIONS:
        if text == collection:
            return collection
    raise QueryInvalid(f"no collection is called {text[:50]!r}; there are {', '.join(COLLECTIONS)}")


def _truth(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise QueryInvalid(f"{name} {text[:50]!r}: needs true or false")
    return text == "true"


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise QueryInvalid(f"limit {text[:50]!r}: needs a whole number")
    return int(text)
