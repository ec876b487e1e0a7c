"""Response models of the HTTP API, from which OpenAPI is made. What is unknown is null."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.app.leads import State
from service.app.responses import (
    AvailabilityResponse,
    Brand,
    Brands,
    Countries,
    Country,
    Day,
    Gtins,
    MadeIn,
    ObjectResponse,
    Sha256,
    SourcePage,
)


class ObjectPageResponse(BaseModel):
    """Some of the published objects, newest first."""

    generation: int = Field(examples=[12])
    total: int = Field(description="How many fit the filters, on all pages.", examples=[431])
    objects: list[ObjectResponse]
    next: str | None = Field(description="`after` of the next page; null on the last.", examples=["2024-03-01~81"])


class LeadProductResponse(BaseModel):
    """The product of a lead, with its fields as they were when it was kept."""

    product_id: str = Field(examples=["A-1001"])
    source: str = Field(examples=["luma-2024"])
    image: str = Field(description="The picture that fits, by SHA-256; empty where it has none.")
    title: str | None = Field(examples=["Messenger bag"])
    brand: Brand
    brands: Brands
    retailer: str | None
    country: Country
    countries: Countries
    made_in: MadeIn
    gtins: Gtins
    variant_group: str | None
    licence: str | None
    source_page: SourcePage
    category: str | None
    price: str | None
    link: str | None
    first_seen: Day | None
    last_seen: Day | None


class LeadObjectResponse(BaseModel):
    """The object that a lead is kept for."""

    object_id: str = Field(examples=["2024-017"])
    source: str = Field(examples=["europol"])


class LeadChangeResponse(BaseModel):
    """One entry of a lead's history."""

    at: str = Field(description="ISO 8601, UTC", examples=["2026-03-01T09:30:00+00:00"])
    who: str = Field(examples=["ines"])
    state: State
    note: str = Field(examples=["Same seam, same label."])
    generation: int = Field(description="The one that was live at that time.", examples=[12])
    query_id: str | None = Field(description="The search it is based on.")
    evidence: AvailabilityResponse | None = Field(
        description="Of `sold_too_widely`: where and when the product's family was sold, by that generation."
    )


class LeadResponse(BaseModel):
    """A candidate kept for an object; without a product, the finding that it is not in the catalogue."""

    id: int = Field(examples=[7])
    object: LeadObjectResponse
    product: LeadProductResponse | None
    state: State = Field(examples=["confirmed"])
    changes: list[LeadChangeResponse] = Field(description="Its history, oldest first.")


class LeadListResponse(BaseModel):
    """Leads, the last changed first."""

    leads: list[LeadResponse]


class AlertResponse(BaseModel):
    """A product that may be an open object's."""

    object_source: str = Field(examples=["europol"])
    object_id: str = Field(examples=["2024-017"])
    source: str = Field(examples=["luma-2024"])
    product_id: str = Field(examples=["A-1001"])
    object_title: str = Field(examples=["Blue plush rabbit"])
    title: str
    brand: str
    retailer: str
    link: str
    crop: Sha256
    image: Sha256
    likelihood: float = Field(examples=[0.87])
    generation: int = Field(examples=[12])
    found: str = Field(description="ISO 8601, UTC", examples=["2026-03-01T02:14:00+00:00"])
    reported: str | None = Field(description="When a report first named it.")


class AlertListResponse(BaseModel):
    """Alerts, oldest first."""

    alerts: list[AlertResponse]


class RefusalCountResponse(BaseModel):
    """How much was refused for one reason."""

    reason: str = Field(description="A stable word.", examples=["bad-date"])
    count: int = Field(examples=[1])


class RefusedInputResponse(BaseModel):
    """A row or a picture of a feed that was left out."""

    where: str = Field(examples=["objects.csv:17"])
    reason: str = Field(examples=["bad-date"])
    message: str = Field(examples=["published '31/12/2025' is no date; write it as 2025-12-31"])


class SourceResponse(BaseModel):
    """A source, and its state after its last reading."""

    name: str = Field(examples=["europol"])
    collection: Literal["catalogue", "objects"] = Field(examples=["objects"])
    authorities: list[str] = Field(description="The first of those that its objects name.", examples=[["Europol"]])
    read_on: Day | None = Field(description="When it was last read from end to end.")
    entries: int = Field(description="Products or objects that its feed names now.", examples=[431])
    pictures: int = Field(description="Images that they show.", examples=[502])
    refused: int = Field(description="Rows and pictures that were left out.", examples=[1])
    reasons: list[RefusalCountResponse] = Field(description="Why, the commonest first.")
    refusals: list[RefusedInputResponse] = Field(description="The first of them.")


class SourceListResponse(BaseModel):
    """Every source, in the order they were added."""

    sources: list[SourceResponse]


class QuarantinedCropResponse(BaseModel):
    """A published crop that seems to show a face; only its SHA-256 is kept, not the picture."""

    sha256: Sha256
    reference: str = Field(description="Where it is: a path or a URL.", examples=["https://example.org/doll.jpg"])
    source: str = Field(examples=["europol"])
    object_id: str = Field(examples=["2024-017"])
    title: str | None = Field(examples=["Doll in a red dress"])
    let_in: bool = Field(description="A curator approved it: the next re-index takes it.")


class QuarantinedCropListResponse(BaseModel):
    """The quarantined crops, by source and object."""

    held: list[QuarantinedCropResponse]


class CropApprovalResponse(BaseModel):
    """A crop that was approved: the next re-index takes it."""

    sha256: Sha256
    let_in: Literal[True]


class AuditRecordResponse(BaseModel):
    """One action; further members depend on its kind."""

    model_config = ConfigDict(extra="allow")

    number: int = Field(examples=[1042])
    at: str = Field(description="ISO 8601, UTC", examples=["2026-03-01T09:30:00.125+00:00"])
    who: str = Field(examples=["ines"])
    kind: str = Field(examples=["search"])


class AuditPageResponse(BaseModel):
    """Some records of the audit, oldest first."""

    records: list[AuditRecordResponse]
    next: int | None = Field(description="`after` of the next page; null on the last.", examples=[1142])


class LivenessResponse(BaseModel):
    """The process is running."""

    status: Literal["alive"]


class ReadinessResponse(BaseModel):
    """Searches are answered."""

    status: Literal["ready"]
    generation: int = Field(examples=[12])
    model: str = Field(examples=["ViT-B-16-SigLIP2/webli"])
    created: str = Field(description="When the generation was built.", examples=["2026-03-01T02:14:00+00:00"])
    fault: str | None = Field(description="Why a newer generation was not taken, if one was refused.")


class ProblemDetails(BaseModel):
    """An error (RFC 9457). GET `type` for what to do about it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/image-refused"])
    title: str = Field(examples=["A picture cannot be used"])
    status: int = Field(examples=[415])
    detail: str = Field(examples=["picture 2: this is not a picture of a known format"])
    instance: str = Field(examples=["urn:uuid:9e1a6c0a-8c0e-4c7e-8f43-6a4f2bb0a6d1"])
    reason: str | None = Field(None, description="Why a picture was refused.", examples=["unknown_format"])
    image: int | None = Field(None, description="Which picture was refused, counted from 1.", examples=[2])
    sources: list[str] | None = Field(None, description="Which sources share the id.")


class ProblemKindResponse(BaseModel):
    """A kind of problem, and what to do about it."""

    type: str = Field(examples=["/problems/busy"])
    title: str
    status: int
    advice: str
