"""What a search asks and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedding.image.regions import WHOLE, Region
from index.errors import QueryInvalid
from index.generations.families import Specificity
from index.records.entries import Entry
from index.records.feed_records import Collection
from index.records.filters import Filter

MAX_IMAGES = 8
MAX_LIMIT = 200
MAX_TEXT = 1000
# More pairs than an eye can follow add nothing to an answer.
MAX_PAIRS = 60

Verdict = Literal["candidates", "no good match"]


@dataclass(frozen=True)
class QueryImage:
    """One picture of the thing asked about: upright RGB, uint8 [h, w, 3], and the box around the thing in it."""

    pixels: npt.NDArray[np.uint8]
    region: Region = WHOLE


@dataclass(frozen=True)
class Query:
    """A question: one to eight pictures of one object, words, or both, and which entries may answer.

    `without_images` are images of the index, by SHA-256, that must not answer: the asked picture itself, say.

    Raises:
        QueryInvalid: it asks for nothing, or for more than is answered.
    """

    images: tuple[QueryImage, ...] = ()
    text: str = ""
    collection: Collection = "catalogue"
    filters: tuple[Filter, ...] = ()
    limit: int = 10
    without_images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.images and not self.text.strip():
            raise QueryInvalid("nothing to search for: give a picture, words, or both")
        if len(self.images) > MAX_IMAGES:
            raise QueryInvalid(f"{len(self.images)} pictures: at most {MAX_IMAGES} of one object are taken together")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise QueryInvalid(f"limit {self.limit}: must be between 1 and {MAX_LIMIT}")
        if len(self.text) > MAX_TEXT:
            raise QueryInvalid(f"{len(self.text)} characters of text: at most {MAX_TEXT} are taken")


@dataclass(frozen=True)
class Matched:
    """Keypoints that one query picture and the candidate's picture share, on one plane.

    `pairs`: float32 [i, 4], x and y in the query's box, x and y in the candidate's picture, in fractions.
    The regions are the boxes around them; None without an area. `turn`: quarter turns of the query, counter-clockwise.
    """

    pairs: npt.NDArray[np.float32]
    region_query: Region | None
    region_image: Region | None
    turn: int

    @property
    def inliers(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class Evidence:
    """What speaks for a candidate.

    `similarity`: its best cosine to each query picture; `text_similarity`: to the words. `region`: the view of its
    picture that fits best. `matched`: keypoints shared with each query picture; empty where nobody looked closer.
    """

    similarity: tuple[float, ...]
    text_similarity: float | None
    region: Region
    matched: tuple[Matched, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """An entry offered as an answer; `image` is its picture that fits best, by SHA-256.

    `specificity` tells where and when a product's family was sold; an object has none.
    """

    rank: int
    entry: Entry
    score: float
    likelihood: float | None
    image: str
    evidence: Evidence
    specificity: Specificity | None = None


@dataclass(frozen=True)
class Answer:
    """The candidates of a query, best first, stamped with what produced them."""

    query_id: str
    verdict: Verdict
    generation: int
    model: str
    collection: Collection
    candidates: tuple[Candidate, ...]


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as plain data: the JSON of the command line and of the HTTP interface."""
    return {
        "query_id": answer.query_id,
        "verdict": answer.verdict,
        "generation": answer.generation,
        "model": answer.model,
        "collection": answer.collection,
        "candidates": [_candidate_json(candidate) for candidate in answer.candidates],
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry as plain data, in its collection's own words; what is not told is null."""
    fields = entry.fields
    told: dict[str, str]
    if entry.collection == "catalogue":
        told = {
            "product_id": fields.entry_id,
            "source": entry.source,
            "title": fields.title,
            "brand": fields.brand,
            "category": fields.category,
            "retailer": fields.retailer,
            "country": fields.country,
            "price": fields.price,
            "link": fields.link,
            "status": fields.status,
            "first_seen": fields.first_seen,
            "last_seen": fields.last_seen,
        }
    else:
        told = {
            "object_id": fields.entry_id,
            "authority": fields.authority,
            "title": fields.title,
            "kind": fields.category,
            "country": fields.country,
            "published": fields.published,
            "status": fields.status,
            "tip_page": fields.link,
        }
    return {**{key: value or None for key, value in told.items()}, "images": list(entry.images)}


def _candidate_json(candidate: Candidate) -> dict[str, Any]:
    entry, evidence = entry_json(candidate.entry), candidate.evidence
    # The contract's keys come first and are there for both collections; an object has no brand or retailer.
    return {
        "rank": candidate.rank,
        "product_id": candidate.entry.fields.entry_id,
        "title": entry["title"],
        "brand": entry.get("brand"),
        "retailer": entry.get("retailer"),
        "link": candidate.entry.fields.link or None,
        "score": round(candidate.score, 6),
        "likelihood": None if candidate.likelihood is None else round(candidate.likelihood, 4),
        "image": candidate.image,
        "evidence": _evidence_json(evidence),
        "specificity": candidate.specificity and _specificity_json(candidate.specificity),
        **{
            key: value
            for key, value in entry.items()
            if key not in ("product_id", "title", "brand", "retailer", "link")
        },
    }


def _evidence_json(evidence: Evidence) -> dict[str, Any]:
    text = evidence.text_similarity
    return {
        "similarity": [round(value, 6) for value in evidence.similarity],
        "text_similarity": None if text is None else round(text, 6),
        "region": str(evidence.region),
        "matches": [
            {
                "inliers": matched.inliers,
                "turn": matched.turn,
                "region_query": matched.region_query and str(matched.region_query),
                "region_image": matched.region_image and str(matched.region_image),
                "pairs": [[round(value, 4) for value in pair] for pair in matched.pairs[:MAX_PAIRS].tolist()],
            }
            for matched in evidence.matched
        ],
    }


def _specificity_json(specificity: Specificity) -> dict[str, Any]:
    return {
        "entries": specificity.entries,
        "retailers": list(specificity.retailers),
        "countries": list(specificity.countries),
        "first_seen": specificity.first_seen or None,
        "last_seen": specificity.last_seen or None,
    }
