"""The content of feeds: products, objects, and the rows that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

Collection = Literal["catalogue", "objects"]
COLLECTIONS: tuple[Collection, ...] = ("catalogue", "objects")


class ObjectStatus(StrEnum):
    """Whether an authority still looks for an object."""

    OPEN = "open"
    IDENTIFIED = "identified"
    CLOSED = "closed"


@dataclass(frozen=True)
class FeedRow:
    """One row of a feed under the feed's own column names, before it is interpreted.

    `number` locates the row: the line of a text file, the ordinal of an item elsewhere. `pictures` are the row's
    picture references as written (a path or a URL), in order. `place` locates the row where a number does not, as in a
    folder of pages.
    """

    number: int
    fields: Mapping[str, str]
    pictures: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True)
class ProductRecord:
    """A product as one row describes it. Several rows may describe one product: it has the pictures of all of them.

    `pictures` are absolute paths or http(s) URLs. Empty text means "unknown". Dates are those of the feed. Several
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


@dataclass(frozen=True)
class ObjectRecord:
    """An object as one row of an authority's publication describes it; an empty `authority` is the source's name.

    `status` is None where the row has an unknown one: the object keeps the one it has.
    """

    number: int
    object_id: str
    pictures: tuple[str, ...]
    authority: str = ""
    title: str = ""
    kind: str = ""
    country: str = ""
    published: date | None = None
    status: ObjectStatus | None = ObjectStatus.OPEN
    tip_page: str = ""
    question: str = ""
    description: str = ""
    seen_from: date | None = None
    seen_until: date | None = None
    series: str = ""
    region: str = ""


@dataclass(frozen=True)
class Refusal:
    """An input that was left out, and why: it is listed in the report and does not end the job.

    It may be less than a row: a picture, or a field that was left empty. `where` locates it (feed and line, or a
    picture's path or URL); `reason` is a stable word for counting.
    """

    where: str
    reason: str
    message: str


@dataclass(frozen=True)
class RefusedRow(Refusal):
    """A row that a reader could not read, with the cells that could be made out, as pairs of column and text.

    `shifted`: the cells may stand under the wrong columns.
    """

    cells: tuple[tuple[str, str], ...] = ()
    shifted: bool = False


@dataclass(frozen=True)
class RefusedEntry(Refusal):
    """A refused row, with the identifiers of which one is its entry's: that entry is still in the feed.

    Without any, the row may be that of any entry.
    """

    entry_ids: tuple[str, ...] = ()
