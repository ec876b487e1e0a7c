"""A search as a client sends it: parsed from a form, then decoded into a query to the index."""

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
from service.problems import picture_problem

ONCE = ("collection", "text", "limit", "rerank", "read_text")
REPEATED = ("box", "filter", "written")
DEFAULT_LIMIT = 10


@dataclass(frozen=True)
class SearchRequest:
    """A search as it was received: pictures still encoded, everything else parsed.

    `regions` has one box for each picture. `index_images` has the SHA-256 of each picture that comes from the index, ""
    for an uploaded one; it may be empty where all were uploaded. `rerank`: whether candidates are re-ranked. `written`:
    the lines that are written on the object, as Query has them.
    """

    pictures: tuple[bytes, ...]
    regions: tuple[Region, ...]
    text: str
    collection: Collection
    filters: tuple[Filter, ...]
    limit: int
    index_images: tuple[str, ...] = ()
    rerank: bool = True
    written: tuple[str, ...] | None = None


def parse_search_request(upload: Upload) -> SearchRequest:
    """Parse a form's fields.

    Raises:
        QueryInvalid, RegionInvalid, FilterInvalid: a field is unknown, given twice, or has an invalid value.
    """
    known = (PICTURE, *ONCE, *REPEATED)
    values: dict[str, list[str]] = {name: [] for name in known}
    for name, text in upload.fields:
        if name not in values:
            raise QueryInvalid(f"no field is called {name[:50]!r}; there are {', '.join(known)}")
        # Browsers send an empty field where nothing was filled in: it counts as absent.
        if text.strip():
            values[name].append(text)
    for name in ONCE:
        if len(values[name]) > 1:
            raise QueryInvalid(f"{name} is given {len(values[name])} times: give it once")
    return SearchRequest(
        pictures=upload.pictures,
        regions=regions_of(values["box"], len(upload.pictures)),
        text=_last(values["text"], ""),
        collection=_collection(_last(values["collection"], "catalogue")),
        filters=tuple(Filter.parse(text) for text in values["filter"]),
        limit=_whole_number(_last(values["limit"], str(DEFAULT_LIMIT))),
        rerank=_boolean("rerank", _last(values["rerank"], "true")),
        written=written_lines(values["written"], _boolean("read_text", _last(values["read_text"], "true"))),
    )


def written_lines(given: Sequence[str], read: bool) -> tuple[str, ...] | None:
    """The lines on the object: those given, or none where nothing is to be `read`; None where they are read."""
    return tuple(given) if given or not read else None


def regions_of(boxes: Sequence[str], pictures: int) -> tuple[Region, ...]:
    """One region for each picture: the whole of it, the one box given for all, or its own box.

    Raises:
        RegionInvalid: a box cannot be parsed, or there are more than one and not one for each picture.
    """
    regions = tuple(Region.parse(box) for box in boxes)
    if len(regions) == pictures:
        return regions
    if len(regions) > 1 or (regions and pictures == 0):
        raise RegionInvalid(f"{len(regions)} boxes for {pictures} pictures: give one, or one for each picture in order")
    return (regions or (WHOLE,)) * pictures


def decoded_query(request: SearchRequest, pixels: int) -> Query:
    """The query to the index, with the request's pictures decoded. Slow: call it from a worker thread.

    Args:
        pixels: how many the pictures may have together.

    Raises:
        Problem: a picture cannot be used; it names the picture's number.
        QueryInvalid: there is nothing to search for, or the pictures are too many or too large.
    """
    images: list[QueryImage] = []
    left = pixels
    for number, (data, region) in enumerate(zip(request.pictures, request.regions, strict=True), start=1):
        try:
            image = QueryImage(decode(data), region)
        except ImageRefused as error:
            raise picture_problem(number, error) from error
        left -= image.pixels.shape[0] * image.pixels.shape[1]
        if left < 0:
            raise QueryInvalid(f"the pictures have more than {pixels} pixels together: send smaller or fewer ones")
        images.append(image)
    return Query(
        tuple(images), request.text, request.collection, request.filters, request.limit, written=request.written
    )


def _last(values: Sequence[str], default: str) -> str:
    return values[-1] if values else default


def _collection(text: str) -> Collection:
    for collection in COLLECTIONS:
        if text == collection:
            return collection
    raise QueryInvalid(f"no collection is called {text[:50]!r}; there are {', '.join(COLLECTIONS)}")


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise QueryInvalid(f"{name} {text[:50]!r}: needs true or false")
    return text == "true"


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise QueryInvalid(f"limit {text[:50]!r}: needs a whole number")
    return int(text)
