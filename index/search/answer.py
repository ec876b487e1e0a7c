"""The query of a search and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from embedding.image.regions import WHOLE, Region
from embedding.text.reading import MAX_CHARACTERS, MAX_LINES, Reading
from index.errors import QueryInvalid
from index.generations.families import Availability
from index.records.entries import Entry
from index.records.feed_records import Collection
from index.records.filters import Filter

MAX_IMAGES = 8
MAX_LIMIT = 200
MAX_TEXT = 1000
MAX_WRITTEN = MAX_LINES
# How many pairs of keypoints an answer shows: more cannot be told apart on screen.
MAX_PAIRS = 60
MAX_VARIANTS = 100

# "candidates": the first is more likely than not the object; "brand": no product is, but the first brand.
Verdict = Literal["candidates", "brand", "no good match"]


@dataclass(frozen=True)
class QueryImage:
    """One picture of the object searched for: upright RGB, uint8 [h, w, 3], and the box around the object in it."""

    pixels: npt.NDArray[np.uint8]
    region: Region = WHOLE


@dataclass(frozen=True)
class Query:
    """A query: one to eight pictures of one object, text, or both, and which entries may answer.

    `without_images` are images of the index, by SHA-256, that must not answer: the query picture itself, say.
    `written`: the lines that a person says are written on the object, MAX_WRITTEN at most; empty to search without
    text. None: what is written is read off the pictures.

    Raises:
        QueryInvalid: it is empty, or exceeds a limit.
    """

    images: tuple[QueryImage, ...] = ()
    text: str = ""
    collection: Collection = "catalogue"
    filters: tuple[Filter, ...] = ()
    limit: int = 10
    without_images: tuple[str, ...] = ()
    written: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.images and not self.text.strip():
            raise QueryInvalid("nothing to search for: give a picture, words, or both")
        if len(self.images) > MAX_IMAGES:
            raise QueryInvalid(f"{len(self.images)} pictures: at most {MAX_IMAGES} of one object are taken together")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise QueryInvalid(f"limit {self.limit}: must be between 1 and {MAX_LIMIT}")
        if len(self.text) > MAX_TEXT:
            raise QueryInvalid(f"{len(self.text)} characters of text: at most {MAX_TEXT} are taken")
        if len(self.written or ()) > MAX_WRITTEN or any(len(line) > MAX_CHARACTERS for line in self.written or ()):
            raise QueryInvalid(
                f"{len(self.written or ())} lines of text on the object: at most {MAX_WRITTEN} are taken, of "
                f"{MAX_CHARACTERS} characters each"
            )


@dataclass(frozen=True)
class Matched:
    """Keypoints that one query picture and the candidate's image share, on one plane.

    `pairs`: float32 [i, 4], x and y in the query's box, x and y in the candidate's image, in fractions.
    The regions are the boxes around them; None without an area. `turn`: by how many quarters, counter-clockwise, the
    query was rotated to match.
    """

    pairs: npt.NDArray[np.float32]
    region_query: Region | None
    region_image: Region | None
    turn: int

    @property
    def inliers(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class WordMatch:
    """A word, or a barcode's number, that query and candidate share.

    `word` is as the query has it, in `region_query` of its picture number `picture`, counted from 0; both None for
    what a person wrote. `found` is as the candidate has it: in `region_image` of its image, or, without one, in its
    field `field`: "title", "brand", ..., "gtin".
    """

    word: str
    found: str
    picture: int | None = None
    region_query: Region | None = None
    region_image: Region | None = None
    field: str = ""


@dataclass(frozen=True)
class Evidence:
    """Why a candidate was found.

    `similarity`: its best cosine to each query picture; `text_similarity`: to the text. `region`: the view of its
    image that fits best. `matched`: keypoints shared with each query picture; empty where it was not re-ranked.
    `words`: what is written on both.
    """

    similarity: tuple[float, ...]
    text_similarity: float | None
    region: Region
    matched: tuple[Matched, ...] = ()
    words: tuple[WordMatch, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """An entry offered as an answer; `image` is its image that fits best, by SHA-256.

    `availability` says where and when a product's family was sold; an object has none. `variants` are further products
    of the same source that were found by the same image with the same score, such as the sizes of one shirt: at most
    MAX_VARIANTS of them.
    """

    rank: int
    entry: Entry
    score: float
    likelihood: float | None
    image: str
    evidence: Evidence
    availability: Availability | None = None
    variants: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Attribution:
    """A brand or retailer that candidates speak for; `ranks` are theirs, rising, and may exceed the answer's limit.

    `likelihood`: that the object is of this brand, or was sold by this retailer; None without a calibration.
    """

    name: str
    likelihood: float | None
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """The candidates of a query, best first, stamped with what produced them.

    `brands` and `retailers`: what the candidates and those ranked after them speak for, most likely first; of objects
    there are none. `readings`: what was read off each of the query's pictures; empty where text was not read.
    `first_lists`: the rows that each search of the engine found, where the same search may find others another day.
    """

    query_id: str
    verdict: Verdict
    generation: int
    model: str
    collection: Collection
    candidates: tuple[Candidate, ...]
    brands: tuple[Attribution, ...] = ()
    retailers: tuple[Attribution, ...] = ()
    readings: tuple[Reading, ...] = ()
    first_lists: tuple[tuple[int, ...], ...] = ()
