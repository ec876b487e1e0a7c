"""A client of traceobject's HTTP interface: one file that needs httpx and nothing else of this package.

    with Client("https://search.police.example", token="to_...") as client:
        answer = client.search([Path("crop.jpg")], filters=[("country", "NL")])
        for candidate in answer.candidates:
            lead = client.keep_lead("2024-017", candidate.product_id, source=candidate.source, query_id=answer.query_id)

`traceobject users token NAME --scope read --scope search --scope write` issues a token. What the server adds to its
answers later is passed over, so an older client keeps working.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx

Collection = Literal["catalogue", "objects"]
Box = tuple[float, float, float, float]
_LONGEST_WAIT = 30.0
_ASK_AGAIN = (429, 503)


class ServerRefused(Exception):
    """The server told a problem (RFC 9457). `type` names its kind, such as /problems/busy; GET it for advice."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        super().__init__(f"{told.get('title', 'refused')} ({status}): {told.get('detail', '')}")
        self.status, self.type, self.detail = status, str(told.get("type", "")), str(told.get("detail", ""))
        self.instance, self.members = str(told.get("instance", "")), dict(told)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What products and objects have alike. What is not known is None; days are ISO 8601."""

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
    """A product or an object offered as an answer. What only the other collection's entries have is None or empty.

    `likelihood` is None where the scores are not calibrated; `product_id` is the entry's id in either collection.
    """

    rank: int
    score: float
    likelihood: float | None
    image: str
    evidence: Mapping[str, Any]
    specificity: Mapping[str, Any] | None
    object_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a search found, best first. `faces` names the pictures, counted from 1, that seem to show one."""

    query_id: str
    verdict: str
    generation: int
    model: str
    collection: str
    faces: Sequence[int]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Source:
    """A source, what its feed names now, and what its last reading left out: how much, why, and the first of it."""

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
    """What somebody said of a lead."""

    at: str
    who: str
    state: str
    note: str
    generation: int
    query_id: str | None


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
    """A product that the nightly watch found for an open object; `reported` is when a report named it, or None."""

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
    """Asks one server. Raises ServerRefused for what it refuses, httpx.HTTPError where it cannot be reached.

    Args:
        address: the server's, such as https://search.police.example.
        token: an API token; None where none is needed.
        patience: how many seconds to go on asking a server that is busy (503) or asked too often (429).
    """

    def __init__(
        self, address: str, token: str | None = None, *, timeout: float = 60.0, patience: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # No redirect is followed: a token is for this server alone.
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout, transport=transport)
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def search(
        self, images: Sequence[bytes | Path] = (), *, collection: Collection = "catalogue", boxes: Sequence[Box] = (),
        text: str = "", filters: Sequence[tuple[str, str]] = (), limit: int = 10, rerank: bool = True,
    ) -> Answer:  # fmt: skip
        """Find what resembles the thing in the pictures, which all show one and the same thing.

        Args:
            boxes: around the thing, in fractions x0, y0, x1, y1; one for all pictures, or one for each.
            filters: such as ("brand", "Luma"); several of one key mean any of them.
            rerank: without it by embeddings alone: some seven times as soon, and less often right.
        """
        form = [
            ("collection", collection), ("text", text), ("limit", str(limit)), ("rerank", str(rerank).lower()),
            *(("box", ",".join(map(str, box))) for box in boxes),
            *(("filter", f"{key}={value}") for key, value in filters),
        ]  # fmt: skip
        told = self._send("/v1/search", form, images)
        return _read(Answer, {**told, "candidates": tuple(_read(Candidate, one) for one in told["candidates"])})

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
        """The published objects that fit, newest first; more are asked for as they are needed."""
        after: str | None = None
        wanted = {"authority": authority, "status": status, "kind": kind, "country": country, "region": region}
        while True:
            page = self._get("/v1/objects", **wanted, series=series, after=after)
            yield from (_read(PublishedObject, told) for told in page["objects"])
            after = page["next"]
            if after is None:
                return

    def publish(
        self, authority: str, object_id: str, crops: Sequence[bytes | Path], *, title: str = "", kind: str = "",
        question: str = "", description: str = "", country: str = "", region: str = "", series: str = "",
        seen_from: str = "", seen_until: str = "", published: str = "", tip_page: str = "",
    ) -> PublishedObject:  # fmt: skip
        """Publish an object, open from now on; for curators. It is seen after the next re-index."""
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
        """Change an object that was published here; what is None stays. It is seen after the next re-index."""
        form = {
            "authority": authority, "title": title, "status": status, "question": question, "description": description,
            "region": region, "series": series, "seen_from": seen_from, "seen_until": seen_until, "tip_page": tip_page,
        }  # fmt: skip
        return _read(PublishedObject, self._send(f"/v1/objects/{quote(object_id, safe='/')}", form.items()))

    def sources(self) -> list[Source]:
        """Every source, and what was refused of it; for curators."""
        return [_read(Source, told) for told in self._get("/v1/sources")["sources"]]

    def held(self) -> list[QuarantinedCrop]:
        """Published crops that seem to show a face; for curators."""
        return [_read(QuarantinedCrop, told) for told in self._get("/v1/held")["held"]]

    def let_in(self, sha256: str) -> None:
        """Let a held crop in: the next re-index takes it."""
        self._ask("POST", f"/v1/held/{quote(sha256)}")

    def image(self, sha256: str) -> bytes:
        """A picture of the index, JPEG."""
        return self._ask("GET", f"/v1/images/{quote(sha256)}").content

    def leads(self, *, object_id: str = "", object_source: str = "", state: str | None = None) -> list[Lead]:
        """The leads that fit, the last changed first."""
        page = self._get("/v1/leads", object_id=object_id, object_source=object_source, state=state)
        return [_lead(told) for told in page["leads"]]

    def lead(self, lead_id: int) -> Lead:
        """One lead."""
        return _lead(self._get(f"/v1/leads/{lead_id}"))

    def keep_lead(
        self, object_id: str, product_id: str = "", *, object_source: str = "", source: str = "", picture: str = "",
        note: str = "", query_id: str = "",
    ) -> Lead:  # fmt: skip
        """Keep a product as a lead of an object; without one, say that the object is not in the catalogue."""
        form = {
            "object_id": object_id, "object_source": object_source, "product_id": product_id, "source": source,
            "picture": picture, "note": note, "query_id": query_id,
        }  # fmt: skip
        return _lead(self._send("/v1/leads", form.items()))

    def change_lead(self, lead_id: int, state: str = "", note: str = "", query_id: str = "") -> Lead:
        """Say what became of a lead: open, confirmed, ruled_out; of a finding not_in_catalogue or open."""
        form = [("state", state), ("note", note), ("query_id", query_id)]
        return _lead(self._send(f"/v1/leads/{lead_id}", form))

    def alerts(self, since: str = "") -> list[Alert]:
        """What the watches of open objects found, the oldest first; from a day or time (UTC) on."""
        return [_read(Alert, told) for told in self._get("/v1/alerts", since=since)["alerts"]]

    def dossier(
        self, object_id: str, source: str | None = None, form: Literal["html", "pdf"] = "pdf", language: str = "en"
    ) -> bytes:
        """An object's dossier, as the bytes of a file."""
        asked = {"object_id": object_id, "source": source, "form": form, "language": language}
        return self._ask("GET", "/v1/dossier", params=_told(asked)).content

    def audit(self, after: int = 0) -> Iterator[Mapping[str, Any]]:
        """The audit's records that follow a number; for administrators."""
        following: int | None = after
        while following is not None:
            page = self._get("/v1/audit", after=following)
            yield from page["records"]
            following = page["next"]

    def generation(self) -> int:
        """Which build of the index answers."""
        return int(self._get("/readyz")["generation"])

    def _get(self, path: str, **asked: str | int | None) -> Any:
        return self._ask("GET", path, params=_told(asked)).json()

    def _send(self, path: str, form: Iterable[tuple[str, str | None]], pictures: Sequence[bytes | Path] = ()) -> Any:
        # As files, so that httpx sends multipart/form-data even where no picture is among them.
        parts: list[tuple[str, tuple[str | None, bytes]]] = [
            (name, (None, text.encode())) for name, text in form if text is not None
        ]
        parts += [("image", ("picture", one.read_bytes() if isinstance(one, Path) else one)) for one in pictures]
        return self._ask("POST", path, files=parts).json()

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        until = time.monotonic() + self._patience
        while True:
            answer = self._http.request(method, path, **options)
            if answer.is_success:
                return answer
            wait = _seconds(answer.headers.get("retry-after", ""))
            if answer.status_code not in _ASK_AGAIN or wait is None or time.monotonic() + wait > until:
                raise ServerRefused(answer.status_code, _problem(answer))
            time.sleep(wait)


Kind = TypeVar("Kind", Answer, Candidate, Product, PublishedObject, Source, QuarantinedCrop, Change, Alert)


def _read(kind: type[Kind], told: Mapping[str, Any]) -> Kind:
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in told.items() if name in known})


def _lead(told: Mapping[str, Any]) -> Lead:
    changes = tuple(_read(Change, change) for change in told["changes"])
    of = told["object"]
    return Lead(told["id"], of["object_id"], of["source"], told["product"], told["state"], changes)


def _told(asked: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in asked.items() if value not in (None, "")}


def _seconds(text: str) -> float | None:
    return min(float(text), _LONGEST_WAIT) if text.isdecimal() else None


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {"title": answer.reason_phrase}
