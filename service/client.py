"""A client of traceobject's HTTP interface: one file that needs httpx and nothing else of this package.

    with Client("https://search.police.example", token="to_...") as client:
        answer = client.search([Path("crop.jpg")], filters=[("country", "NL")])

`traceobject users token NAME --scope read --scope search --scope write` issues a token. Unknown fields are ignored.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx

Collection = Literal["catalogue", "objects"]
Box = tuple[float, float, float, float]
_MAX_WAIT_SECONDS, _RETRY_STATUSES = 30.0, (429, 503)


class ServerRefused(Exception):
    """An error response, a problem of RFC 9457. `type` names its kind, such as /problems/busy; GET it for advice."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem.get('title', 'refused')} ({status}): {problem.get('detail', '')}")
        self.status, self.type, self.detail = status, str(problem.get("type", "")), str(problem.get("detail", ""))
        self.instance, self.members = str(problem.get("instance", "")), dict(problem)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What products and objects have alike. What is unknown is None; days are ISO 8601."""

    title: str | None = None
    description: str | None = None
    country: str | None = None
    countries: Sequence[str] = ()
    status: str | None = None
    images: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Product(_Entry):
    """One catalogue entry of one source. `country` and `countries`: where it is sold; `made_in`: where it is made."""

    product_id: str
    source: str = ""
    brand: str | None = None
    brands: Sequence[str] = ()
    category: str | None = None
    retailer: str | None = None
    made_in: Sequence[str] = ()
    gtins: Sequence[str] = ()
    variant_group: str | None = None
    licence: str | None = None
    source_page: str | None = None
    price: str | None = None
    link: str | None = None
    first_seen: str | None = None
    last_seen: str | None = None


@dataclass(frozen=True, kw_only=True)
class _OfObjects(_Entry):
    authority: str | None = None
    kind: str | None = None
    question: str | None = None
    region: str | None = None
    series: str | None = None
    seen_from: str | None = None
    seen_until: str | None = None
    published: str | None = None
    tip_page: str | None = None


@dataclass(frozen=True, kw_only=True)
class PublishedObject(_OfObjects):
    """One thing that an authority wants identified; it was not seen before `seen_from` and not after `seen_until`."""

    object_id: str


@dataclass(frozen=True, kw_only=True)
class Candidate(Product, _OfObjects):
    """A product or an object offered as an answer; `product_id` is its id. What only the other collection has is empty.

    `likelihood` is None where the scores are not calibrated, `earlier_decisions` for who may not read leads.
    """

    rank: int
    score: float
    likelihood: float | None
    image: str
    evidence: Mapping[str, Any]
    specificity: Mapping[str, Any] | None
    variants: Sequence[Mapping[str, Any]] = ()
    earlier_decisions: Sequence[Mapping[str, Any]] | None = None
    object_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """The result of a search, best first. `faces` are the numbers, from 1, of pictures that seem to show a face."""

    query_id: str
    verdict: str
    generation: int
    model: str
    collection: str
    faces: Sequence[int]
    brands: Sequence[Mapping[str, Any]]
    retailers: Sequence[Mapping[str, Any]]
    readings: Sequence[Mapping[str, Any]]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Source:
    """A source: what its feed lists now, and what its last reading refused: how much, why, and the first of it."""

    name: str
    collection: str
    authorities: Sequence[str]
    read_on: str | None
    entries: int
    pictures: int
    refused: int
    reasons: Sequence[Mapping[str, Any]]
    refusals: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class QuarantinedCrop:
    """A published crop that seems to show a face; with `let_in` the next re-index takes it."""

    sha256: str
    reference: str
    source: str
    object_id: str
    title: str | None
    let_in: bool


@dataclass(frozen=True)
class Change:
    """One entry of a lead's history."""

    at: str
    who: str
    state: str
    note: str
    generation: int
    query_id: str | None
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Lead:
    """A candidate kept for an object; without a product, the finding that it is not in the catalogue."""

    id: int
    object_id: str
    object_source: str
    product: Mapping[str, Any] | None
    state: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Alert:
    """A product that the nightly watch found for an open object; `reported` is when a report first named it."""

    object_source: str
    object_id: str
    object_title: str
    source: str
    product_id: str
    title: str
    brand: str
    retailer: str
    link: str
    likelihood: float
    crop: str
    image: str
    generation: int
    found: str
    reported: str | None


class Client:
    """A client of one server. Raises ServerRefused for error responses, httpx.HTTPError where it cannot be reached.

    A request is retried for `patience` seconds if the server is busy (503) or limits the rate (429).
    """

    def __init__(
        self, address: str, token: str | None = None, *, timeout: float = 60.0, patience: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # httpx does not follow redirects by default, so the token is never sent to another server.
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout, transport=transport)
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def close(self, *_: object) -> None:
        self._http.close()

    __exit__ = close

    def search(
        self, images: Sequence[bytes | Path] = (), *, collection: Collection = "catalogue", boxes: Sequence[Box] = (),
        text: str = "", filters: Sequence[tuple[str, str]] = (), limit: int = 10, rerank: bool = True,
        written: Sequence[str] = (), read_text: bool = True,
    ) -> Answer:  # fmt: skip
        """Find what resembles the thing in the pictures, which all show one and the same thing.

        `boxes` around it, in fractions x0, y0, x1, y1: one for all pictures, or one for each. `filters`, as ("brand",
        "Luma"): several of one key mean any. `written`: lines on the thing; else they are read off if `read_text`.
        """
        form = [
            ("collection", collection), ("text", text), ("limit", str(limit)), ("rerank", str(rerank).lower()),
            ("read_text", str(read_text).lower()), *(("written", line) for line in written),
            *(("box", ",".join(map(str, box))) for box in boxes), *(("filter", f"{k}={value}") for k, value in filters),
        ]  # fmt: skip
        answer = self._send("/v1/search", form, images)
        return _read(Answer, {**answer, "candidates": tuple(_read(Candidate, one) for one in answer["candidates"])})

    def product(self, product_id: str, source: str | None = None) -> Product:
        """One product of the catalogue."""
        return _read(Product, self._get(f"/v1/products/{quote(product_id, safe='/')}", source=source))

    def object(self, object_id: str, source: str | None = None) -> PublishedObject:
        """One published object."""
        return _read(PublishedObject, self._get(f"/v1/objects/{quote(object_id, safe='/')}", source=source))

    def objects(
        self, *, authority: str = "", status: str = "", kind: str = "", country: str = "", region: str = "",
        series: str = "",
    ) -> Iterator[PublishedObject]:  # fmt: skip
        """The published objects that match, newest first; further pages are requested as they are needed."""
        after: str | None = None
        wanted = {"authority": authority, "status": status, "kind": kind, "country": country, "region": region}
        while True:
            page = self._get("/v1/objects", **wanted, series=series, after=after)
            yield from (_read(PublishedObject, item) for item in page["objects"])
            if (after := page["next"]) is None:
                return

    def publish(
        self, authority: str, object_id: str, crops: Sequence[bytes | Path], *, title: str = "", kind: str = "",
        question: str = "", description: str = "", country: str = "", region: str = "", series: str = "",
        seen_from: str = "", seen_until: str = "", published: str = "", tip_page: str = "",
    ) -> PublishedObject:  # fmt: skip
        """Publish an object with the status open; for curators. It is shown after the next re-index."""
        form = {
            "authority": authority, "object_id": object_id, "title": title, "kind": kind, "question": question,
            "description": description, "country": country, "region": region, "series": series, "seen_from": seen_from,
            "seen_until": seen_until, "published": published, "tip_page": tip_page,
        }  # fmt: skip
        return _read(PublishedObject, self._send("/v1/objects", form.items(), crops))

    def change_object(
        self, authority: str, object_id: str, *, title: str | None = None, status: str | None = None,
        question: str | None = None, description: str | None = None, region: str | None = None,
        series: str | None = None, seen_from: str | None = None, seen_until: str | None = None,
        tip_page: str | None = None,
    ) -> PublishedObject:  # fmt: skip
        """Change an object that was published here; what is None stays. It is shown after the next re-index."""
        form = {
            "authority": authority, "title": title, "status": status, "question": question, "description": description,
            "region": region, "series": series, "seen_from": seen_from, "seen_until": seen_until, "tip_page": tip_page,
        }  # fmt: skip
        return _read(PublishedObject, self._send(f"/v1/objects/{quote(object_id, safe='/')}", form.items()))

    def sources(self) -> list[Source]:
        """Every source, and what was refused of it; for curators."""
        return [_read(Source, item) for item in self._get("/v1/sources")["sources"]]

    def held(self) -> list[QuarantinedCrop]:
        """The quarantined crops, which seem to show a face; for curators."""
        return [_read(QuarantinedCrop, item) for item in self._get("/v1/held")["held"]]

    def let_in(self, sha256: str) -> None:
        """Approve a quarantined crop: the next re-index takes it; for curators."""
        self._request("POST", f"/v1/held/{quote(sha256)}")

    def image(self, sha256: str) -> bytes:
        """A picture of the index, JPEG."""
        return self._file(f"/v1/images/{quote(sha256)}")

    def leads(self, *, object_id: str = "", object_source: str = "", state: str | None = None) -> list[Lead]:
        """The leads that match, the last changed first."""
        page = self._get("/v1/leads", object_id=object_id, object_source=object_source, state=state)
        return [_lead(item) for item in page["leads"]]

    def leads_table(
        self, kind: Literal["csv", "xlsx"], *, object_id: str = "", object_source: str = "", state: str | None = None
    ) -> bytes:
        """The leads that match as a table, as the bytes of a file."""
        return self._file(f"/v1/leads.{kind}", object_id=object_id, object_source=object_source, state=state)

    def lead(self, lead_id: int) -> Lead:
        """One lead."""
        return _lead(self._get(f"/v1/leads/{lead_id}"))

    def keep_lead(
        self, object_id: str, product_id: str = "", *, object_source: str = "", source: str = "", picture: str = "",
        note: str = "", query_id: str = "", state: str = "",
    ) -> Lead:  # fmt: skip
        """Keep a product as a lead of an object; without one, record that the object is not in the catalogue."""
        form = {
            "object_id": object_id, "object_source": object_source, "product_id": product_id, "source": source,
            "picture": picture, "note": note, "query_id": query_id, "state": state,
        }  # fmt: skip
        return _lead(self._send("/v1/leads", form.items()))

    def change_lead(self, lead_id: int, state: str = "", note: str = "", query_id: str = "") -> Lead:
        """Change a lead's state: open, confirmed, ruled_out, sold_too_widely; of a finding not_in_catalogue or open."""
        form = {"state": state, "note": note, "query_id": query_id}
        return _lead(self._send(f"/v1/leads/{lead_id}", form.items()))

    def alerts(self, since: str = "") -> list[Alert]:
        """The alerts of the nightly watch, the oldest first; from a day or time (UTC) on."""
        return [_read(Alert, item) for item in self._get("/v1/alerts", since=since)["alerts"]]

    def dossier(
        self, object_id: str, source: str | None = None, form: Literal["html", "pdf", "jsonld"] = "pdf",
        language: str = "en",
    ) -> bytes:  # fmt: skip
        """An object's dossier, as the bytes of a file."""
        return self._file("/v1/dossier", object_id=object_id, source=source, form=form, language=language)

    def series(self, name: str, authority: str = "", *, search: bool = True) -> Mapping[str, Any]:
        """The objects of one case, and where and when they were sold; without `search` the objects and leads alone."""
        return dict(self._get("/v1/series", name=name, authority=authority, search=str(search).lower()))

    def audit(self, after: int = 0) -> Iterator[Mapping[str, Any]]:
        """The audit records after a number; for administrators."""
        page: Mapping[str, Any] = {"next": after}
        while page["next"] is not None:
            page = self._get("/v1/audit", after=page["next"])
            yield from page["records"]

    def generation(self) -> int:
        """The number of the live generation."""
        return int(self._get("/readyz")["generation"])

    def _get(self, path: str, **parameters: str | int | None) -> Any:
        return json.loads(self._file(path, **parameters))

    def _file(self, path: str, **parameters: str | int | None) -> bytes:
        given = {name: value for name, value in parameters.items() if value not in (None, "")}
        return self._request("GET", path, params=given).content

    def _send(self, path: str, form: Iterable[tuple[str, str | None]], pictures: Sequence[bytes | Path] = ()) -> Any:
        # Fields are sent as files, so that httpx uses multipart/form-data even without a picture.
        fields = [(name, (None, text.encode())) for name, text in form if text is not None]
        images = [("image", ("picture", one.read_bytes() if isinstance(one, Path) else one)) for one in pictures]
        return self._request("POST", path, files=[*fields, *images]).json()

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        until = time.monotonic() + self._patience
        while True:
            answer = self._http.request(method, path, **options)
            if answer.is_success:
                return answer
            asked = answer.headers.get("retry-after", "")
            wait = min(float(asked), _MAX_WAIT_SECONDS) if asked.isdecimal() else math.inf
            if answer.status_code not in _RETRY_STATUSES or time.monotonic() + wait > until:
                raise ServerRefused(answer.status_code, _problem(answer))
            time.sleep(wait)


Kind = TypeVar("Kind", Answer, Candidate, Product, PublishedObject, Source, QuarantinedCrop, Change, Alert)


def _read(kind: type[Kind], data: Mapping[str, Any]) -> Kind:
    return kind(**{field.name: data[field.name] for field in fields(kind) if field.name in data})


def _lead(data: Mapping[str, Any]) -> Lead:
    changes, of = tuple(_read(Change, change) for change in data["changes"]), data["object"]
    return Lead(data["id"], of["object_id"], of["source"], data["product"], data["state"], changes)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    with suppress(ValueError):
        if isinstance(body := answer.json(), dict):
            return body
    return {"title": answer.reason_phrase}
