"""Entries and answers as JSON: one model for the HTTP API, its documentation and the command line.

What is unknown is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from index.generations.families import Availability
from index.records.entries import Entry
from index.search.answer import MAX_PAIRS, MAX_VARIANTS, Answer, Attribution, Candidate, Evidence, Matched, Verdict
from service.app.elimination import EarlierDecision
from service.app.text_responses import ReadingResponse, WordMatchResponse, reading_response, word_responses

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])]
Day = Annotated[str, Field(description="ISO 8601", examples=["2019-06-01"])]
Brand = Annotated[
    str | None, Field(description="Several are separated by bars; `brands` lists them.", examples=["Luma"])
]
Country = Annotated[
    str | None,
    Field(description="Where it is sold; several are separated by bars, `countries` lists them.", examples=["NL | BE"]),
]
Brands = Annotated[list[str], Field(examples=[["Luma"]])]
Countries = Annotated[list[str], Field(examples=[["NL", "BE"]])]
MadeIn = Annotated[list[str], Field(description="Countries of origin.", examples=[["PT"]])]
Gtins = Annotated[
    list[str], Field(description="GTINs (EAN, UPC): 8, 13 or 14 digits, checked.", examples=[["4006381333931"]])
]
SourcePage = Annotated[str | None, Field(description="The page that the entry was taken from.")]


class MatchResponse(BaseModel):
    """Keypoints that one query picture and `image` share, on one plane."""

    inliers: int = Field(description="How many.", examples=[42])
    turn: int = Field(description="Quarter turns of the query picture, counter-clockwise, that fit best.", examples=[0])
    region_query: str | None = Field(
        description="The box around them in the query's box.", examples=["0.2,0.1,0.8,0.9"]
    )
    region_image: str | None = Field(description="The box around them in `image`.", examples=["0.3,0.2,0.9,0.9"])
    pairs: list[list[float]] = Field(
        description="The first of them: x and y in the query's box, x and y in `image`, in fractions.",
        examples=[[[0.25, 0.5, 0.3, 0.52]]],
    )


class EvidenceResponse(BaseModel):
    """The evidence for a candidate."""

    similarity: list[float] = Field(description="The best cosine with each query picture, in their order.")
    text_similarity: float | None = Field(description="The best cosine with the words, if there were any.")
    region: str = Field(description="The box of `image` that fits best, in fractions.", examples=["0,0,1,1"])
    matches: list[MatchResponse] = Field(description="One for each query picture; empty without re-ranking.")
    words: list[WordMatchResponse] = Field(description="What is written on both, the longest words first.")


class AvailabilityResponse(BaseModel):
    """Where and when a product's family, near-identical entries of any source, was sold."""

    entries: int = Field(description="How many entries the family has.")
    retailers: list[str]
    countries: list[str]
    first_seen: str | None = Field(examples=["2015-03-01"])
    last_seen: str | None = Field(description="Null where someone still sells it.")


class ProductResponse(BaseModel):
    """One catalogue entry of one source."""

    product_id: str = Field(examples=["A-1001"])
    source: str = Field(examples=["luma-2024"])
    title: str | None = Field(examples=["Messenger bag"])
    brand: Brand
    brands: Brands
    category: str | None = Field(examples=["Bags/Messenger"])
    retailer: str | None
    country: Country
    countries: Countries
    made_in: MadeIn
    gtins: Gtins
    variant_group: str | None = Field(description="Shared by the sizes and colours of one product.", examples=["A-10"])
    description: str | None = Field(description="Plain text of at most 1,000 characters.")
    licence: str | None = Field(description="Under which its data may be used.", examples=["ODbL 1.0"])
    source_page: SourcePage
    price: str | None = Field(examples=["34.00 EUR"])
    link: str | None
    status: str | None = Field(examples=["current"])
    first_seen: Day | None
    last_seen: Day | None
    images: list[Sha256]


class ObjectResponse(BaseModel):
    """One thing that an authority wants identified."""

    object_id: str = Field(examples=["2024-017"])
    authority: str | None = Field(examples=["Europol"])
    title: str | None = Field(examples=["Blue plush rabbit"])
    kind: str | None = Field(examples=["toy"])
    question: str | None = Field(description="What the authority asks.", examples=["Where was this sold?"])
    description: str | None = Field(description="Plain text of at most 1,000 characters.")
    country: str | None = Field(description="Several are separated by bars; `countries` lists them.", examples=["NL"])
    countries: Countries
    region: str | None = Field(description="Larger or smaller than a country.", examples=["Baltic states"])
    series: str | None = Field(description="Shared by the objects of one case.", examples=["case 12"])
    seen_from: Day | None = Field(description="It was not seen before this day.")
    seen_until: Day | None = Field(description="It was not seen after this day.")
    published: Day | None
    status: str | None = Field(examples=["open"])
    tip_page: str | None = Field(description="Where tips go.")
    images: list[Sha256]


class CandidateResponse(BaseModel):
    """An entry offered as an answer: the fields that both collections have."""

    rank: int = Field(examples=[1])
    product_id: str = Field(description="The entry's id, of a product or of an object.", examples=["A-1001"])
    title: str | None
    brand: Brand
    retailer: str | None
    link: str | None
    score: float = Field(description="Comparable within one answer only.", examples=[0.8312])
    likelihood: float | None = Field(description="Between 0 and 1; null where the scores are not calibrated.")
    image: Sha256 = Field(description="The entry's picture that fits best.")
    evidence: EvidenceResponse
    specificity: AvailabilityResponse | None = Field(description="Where a product was sold; null for objects.")
    brands: Brands
    country: str | None
    countries: Countries
    description: str | None
    status: str | None
    images: list[Sha256]


class EarlierDecisionResponse(BaseModel):
    """A decision on a product of a candidate's family, made for some object."""

    lead: int = Field(description="The lead's number.", examples=[7])
    state: Literal["confirmed", "ruled_out", "sold_too_widely"]
    object_id: str = Field(description="The object it was decided for.", examples=["2024-017"])
    object_source: str = Field(examples=["europol"])
    product_id: str = Field(description="The product it was decided on.", examples=["A-1001"])
    source: str = Field(examples=["luma-2024"])
    who: str = Field(examples=["ines"])
    at: str = Field(description="ISO 8601, UTC", examples=["2026-03-01T09:30:00+00:00"])


class VariantResponse(BaseModel):
    """A product that a candidate stands for: of the same source, and with the same image and score."""

    product_id: str = Field(examples=["A-1001-XL"])
    title: str | None
    link: str | None


class ProductCandidateResponse(ProductResponse, CandidateResponse):
    """A product offered as an answer."""

    variants: list[VariantResponse] = Field(
        description=f"Products of the same source with the same image and score, such as sizes; at most {MAX_VARIANTS}."
    )
    earlier_decisions: list[EarlierDecisionResponse] | None = Field(
        None,
        description="What was decided on products of its family, the last first; null for who may not read leads.",
    )


class ObjectCandidateResponse(ObjectResponse, CandidateResponse):
    """A published object offered as an answer."""


class AttributionResponse(BaseModel):
    """A brand or retailer that the candidates speak for."""

    name: str = Field(examples=["Luma"])
    likelihood: float | None = Field(
        description="That the object is of this brand, or was sold by this retailer; null without a calibration.",
        examples=[0.81],
    )
    ranks: list[int] = Field(description="The candidates that carry it; they may exceed the limit.", examples=[[1, 4]])


class AnswerResponse(BaseModel):
    query_id: str = Field(examples=["4f9c2d0e-7a51-4c0b-9d57-5f2f3f1f8f10"])
    verdict: Verdict = Field(
        description="Whether the first candidate is more likely than not the object; if not, whether its brand is.",
        examples=["candidates"],
    )
    generation: int = Field(description="Which build of the index answered.", examples=[12])
    model: str = Field(examples=["ViT-B-16-SigLIP2/webli"])
    faces: list[int] = Field(
        description="Which of the pictures, counted from 1, seem to show a face: crop them to the object.",
        examples=[[]],
    )
    brands: list[AttributionResponse] = Field(description="Most likely first; of objects none.", default_factory=list)
    retailers: list[AttributionResponse] = Field(description="As brands.", default_factory=list)
    readings: list[ReadingResponse] = Field(
        description="What was read off each of the pictures; empty where text was not read."
    )


class CatalogueAnswerResponse(AnswerResponse):
    """Products, best first."""

    collection: Literal["catalogue"]
    candidates: list[ProductCandidateResponse]


class ObjectsAnswerResponse(AnswerResponse):
    """Published objects, best first."""

    collection: Literal["objects"]
    candidates: list[ObjectCandidateResponse]


def answer_response(
    answer: Answer, faces: Sequence[int] = (), earlier: Mapping[int, Sequence[EarlierDecision]] | None = None
) -> CatalogueAnswerResponse | ObjectsAnswerResponse:
    """The response model of an answer.

    Args:
        faces: which of the query's pictures, counted from 1, seem to show a face.
        earlier: the decisions on each candidate's family, by rank; None for who may not read leads.
    """
    common: dict[str, Any] = {
        "query_id": answer.query_id,
        "verdict": answer.verdict,
        "generation": answer.generation,
        "model": answer.model,
        "faces": list(faces),
        "brands": [_attribution(one) for one in answer.brands],
        "retailers": [_attribution(one) for one in answer.retailers],
        "readings": [reading_response(reading) for reading in answer.readings],
    }
    if answer.collection == "catalogue":
        products = [
            ProductCandidateResponse(**_candidate(one), earlier_decisions=_decisions(earlier, one.rank))
            for one in answer.candidates
        ]
        return CatalogueAnswerResponse(collection="catalogue", candidates=products, **common)
    objects = [ObjectCandidateResponse(**_candidate(one)) for one in answer.candidates]
    return ObjectsAnswerResponse(collection="objects", candidates=objects, **common)


def _decisions(
    earlier: Mapping[int, Sequence[EarlierDecision]] | None, rank: int
) -> list[EarlierDecisionResponse] | None:
    if earlier is None:
        return None
    return [EarlierDecisionResponse(**asdict(decision)) for decision in earlier.get(rank, ())]


def _attribution(one: Attribution) -> AttributionResponse:
    likelihood = None if one.likelihood is None else round(one.likelihood, 4)
    return AttributionResponse(name=one.name, likelihood=likelihood, ranks=list(one.ranks))


def product_response(entry: Entry) -> ProductResponse:
    """The response model of a product."""
    return ProductResponse(**_product(entry))


def object_response(entry: Entry) -> ObjectResponse:
    """The response model of a published object."""
    return ObjectResponse(**_object(entry))


def _product(entry: Entry) -> dict[str, Any]:
    fields = entry.fields
    return {
        "product_id": fields.entry_id,
        "source": entry.source,
        **_lists(entry, brands="brand", countries="country", made_in="made_in", gtins="gtin"),
        **_texts(entry, "title", "brand", "category", "retailer", "country", "variant_group", "description", "licence"),
        **_texts(entry, "source_page", "price", "link", "status", "first_seen", "last_seen"),
        "images": list(entry.images),
    }


def _object(entry: Entry) -> dict[str, Any]:
    fields = entry.fields
    return {
        "object_id": fields.entry_id,
        "kind": fields.category or None,
        "tip_page": fields.link or None,
        **_lists(entry, countries="country"),
        **_texts(entry, "authority", "title", "question", "description", "country", "region", "series"),
        **_texts(entry, "seen_from", "seen_until", "published", "status"),
        "images": list(entry.images),
    }


def _texts(entry: Entry, *names: str) -> dict[str, str | None]:
    return {name: getattr(entry.fields, name) or None for name in names}


def _lists(entry: Entry, **names: str) -> dict[str, list[str]]:
    """The values of fields that may have several, under the names of their lists."""
    return {listed: list(entry.fields.several(name)) for listed, name in names.items()}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    entry = candidate.entry
    # Objects have no brand or retailer; `link` repeats their tip page.
    defaults: dict[str, Any] = {"brand": None, "brands": [], "retailer": None}
    return {
        **defaults,
        **{"product_id": entry.fields.entry_id, "link": entry.fields.link or None},
        **(_product(entry) if entry.collection == "catalogue" else _object(entry)),
        "rank": candidate.rank,
        "score": round(candidate.score, 6),
        "likelihood": None if candidate.likelihood is None else round(candidate.likelihood, 4),
        "image": candidate.image,
        "evidence": _evidence(candidate.evidence),
        "specificity": candidate.availability and _availability(candidate.availability),
        "variants": [_variant(entry) for entry in candidate.variants],
    }


def _variant(entry: Entry) -> VariantResponse:
    fields = entry.fields
    return VariantResponse(product_id=fields.entry_id, title=fields.title or None, link=fields.link or None)


def _evidence(evidence: Evidence) -> EvidenceResponse:
    text = evidence.text_similarity
    return EvidenceResponse(
        similarity=[round(value, 6) for value in evidence.similarity],
        text_similarity=None if text is None else round(text, 6),
        region=str(evidence.region),
        matches=[_match(matched) for matched in evidence.matched],
        words=word_responses(evidence.words),
    )


def _match(matched: Matched) -> MatchResponse:
    return MatchResponse(
        inliers=matched.inliers,
        turn=matched.turn,
        region_query=str(matched.region_query) if matched.region_query else None,
        region_image=str(matched.region_image) if matched.region_image else None,
        pairs=[[round(value, 4) for value in pair] for pair in matched.pairs[:MAX_PAIRS].tolist()],
    )


def _availability(family: Availability) -> AvailabilityResponse:
    return AvailabilityResponse(
        entries=family.entries,
        retailers=list(family.retailers),
        countries=list(family.countries),
        first_seen=family.first_seen or None,
        last_seen=family.last_seen or None,
    )
