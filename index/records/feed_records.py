"""What feeds deliver: products, objects, and the rows that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

Collection = Literal["catalogue", "objects"]
COLLECTIONS: tuple[Collection, ...] = ("catalogue", "objects")


class ObjectStatus(StrEnum):
    """Whether an authority still asks about an object."""

    OPEN = "open"
    IDENTIFIED = "identified"
    CLOSED = "closed"


@dataclass(frozen=True)
class FeedRow:
    """One row of a feed in the feed's own column names, before anything is made of it.

    `number` is where a person finds it: the line of a text file, the ordinal of an item elsewhere. `pictures` are the
    row's picture references as written (a path or a URL), in order. `place` is where to look where a number in the
    feed does not tell it, as in a folder of pages.
    """

    number: int
    fields: Mapping[str, str]
    pictures: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True)
class LeftEmpty:
    """An optional field of a row that cannot be used: a stable word for counting, and what was wrong."""

    reason: str
    message: str


@dataclass(frozen=True)
class ProductRecord:
    """A product as one row tells it. Several rows may tell of one product: their pictures add up.

    `pictures` are absolute paths or http(s) URLs. Empty text means "not told". Dates are the feed's own. Several
    brands, countries or GTINs stand in one text, as `entries.split_values` separates them.
    """

    number: int
    product_id: str
    pictures: tuple[str, ...]
    title: str = ""
    brand: str = ""
    category: str = ""
    retailer: str = ""
    country: str = ""
    price: str = ""
    link: str = ""
    first_seen: date | None = None
    last_seen: date | None = None
    made_in: str = ""
    gtin: str = ""
    variant_group: str = ""
    description: str = ""
    licence: str = ""
    source_page: str = ""
    left_empty: tuple[LeftEmpty, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class ObjectRecord:
    """An object as one row of an authority's publication tells it; `authority` may be left to whoever adds the feed."""

    number: int
    object_id: str
    pictures: tuple[str, ...]
    authority: str = ""
    title: str = ""
    kind: str = ""
    country: str = ""
    published: date | None = None
    status: ObjectStatus = ObjectStatus.OPEN
    tip_page: str = ""
    question: str = ""
    description: str = ""
    seen_from: date | None = None
    seen_until: date | None = None
    series: str = ""
    region: str = ""
    left_empty: tuple[LeftEmpty, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Refusal:
    """An input that was left out, and why: listed in the report, never fatal, never silent.

    `where` is what a person looks up (feed and line, or a picture's path or URL); `reason` a stable word for counting.
    """

    where: str
    reason: str
    message: str
