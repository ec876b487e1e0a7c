"""The dossier of an object: its crops, candidates, leads and alerts, gathered into one self-contained file."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from PIL import Image

from index.errors import UnknownEntry
from index.generations.generations import now
from index.jobs.alerts import Alert, list_alerts
from index.records.database import Database
from index.records.entries import Entry
from index.search.answer import MAX_IMAGES, Answer, Candidate
from index.search.provenance import ObjectClues, Provenance, provenance
from service.accounts.roles import Visitor
from service.app.elimination import EarlierDecision
from service.app.evidence import side_by_side
from service.app.leads import LeadRecord
from service.app.search_form import SearchForm, run_search
from service.app.series import clues_of
from service.app.services import Services
from service.rendering.environment import environment
from service.rendering.language import Words
from service.rendering.provenance_view import provenance_view

CANDIDATES = 12
# Longest side of a picture in the file, in pixels.
_PICTURE_SIDE = 900


@dataclass(frozen=True)
class DossierItem:
    """A candidate with its picture, and the picture joined with the crop that shares most keypoints with it (JPEG)."""

    candidate: Candidate
    picture: bytes
    comparison: bytes | None


@dataclass(frozen=True)
class SearchStamp:
    """Who searched and when (ISO 8601, UTC); the SHA-256 of the model's weights and of the generation's content."""

    who: str
    at: str
    model_sha256: str
    content: str


@dataclass(frozen=True)
class Dossier:
    """An object, its crops as (SHA-256, JPEG), the answer of a search by all of them, its leads and its alerts.

    `clues` and `provenance`: where and when it may have been sold. `items` has one item for each candidate of `answer`,
    `earlier` the decisions on each candidate's family by rank; `stamp` belongs to the search. `made` is ISO 8601, UTC.
    """

    entry: Entry
    crops: tuple[tuple[str, bytes], ...]
    answer: Answer | None
    stamp: SearchStamp | None
    earlier: Mapping[int, tuple[EarlierDecision, ...]]
    clues: ObjectClues
    provenance: Provenance
    items: tuple[DossierItem, ...]
    leads: tuple[LeadRecord, ...]
    alerts: tuple[Alert, ...]
    made: str


def build_dossier(entry: Entry, services: Services, visitor: Visitor) -> Dossier:
    """Search by an object's crops and gather its leads and alerts. Slow: call it from a worker thread."""
    crops = tuple((image, services.images.read(image)) for image in entry.images[:MAX_IMAGES])
    object_key, answer, stamp = (entry.source, entry.fields.entry_id), None, None
    earlier: Mapping[int, tuple[EarlierDecision, ...]] = {}
    if crops:
        form = SearchForm(crops=tuple(image for image, _ in crops), limit=CANDIDATES, object_key=object_key)
        result = run_search(form, services, visitor)
        answer, earlier = result.answer, result.earlier
        stamp = SearchStamp(visitor.name, now(), result.manifest.model_sha256, result.manifest.content)
    leads = services.leads.of_object(*object_key)
    clues = clues_of(entry, answer.candidates, leads, answer.readings) if answer else ObjectClues("")
    with services.live.lease() as generation:
        shares = generation.records.country_shares
    return Dossier(
        entry,
        crops,
        answer,
        stamp,
        earlier,
        clues,
        provenance([clues], shares),
        tuple(_item(candidate, crops, services) for candidate in answer.candidates) if answer else (),
        leads,
        alerts_of(entry, services),
        now(),
    )


def alerts_of(entry: Entry, services: Services) -> tuple[Alert, ...]:
    """The alerts of an object, newest first."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records)
    object_key = (entry.source, entry.fields.entry_id)
    return tuple(alert for alert in reversed(found) if (alert.object_source, alert.object_id) == object_key)


def as_html(dossier: Dossier, words: Words) -> str:
    """A self-contained HTML page: pictures inlined, no script, nothing loaded from elsewhere."""
    template = environment().get_template("pages/dossier.html")
    view = provenance_view(dossier.provenance, dossier.clues.all, words, dossier.clues.too_late)
    return template.render(t=words, dossier=dossier, provenance=view, data=_data)


def file_name(entry: Entry, extension: str) -> str:
    """A file name that every operating system accepts."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in entry.fields.entry_id)
    return f"traceobject-{plain[:60] or 'object'}.{extension}"


def _item(candidate: Candidate, crops: Sequence[tuple[str, bytes]], services: Services) -> DossierItem:
    try:
        picture = services.images.pixels(candidate.image)
    except UnknownEntry:
        # The picture was deleted by `forget` since this generation was built; the rest of the dossier is still valid.
        return DossierItem(candidate, b"", None)
    matched = candidate.evidence.matched
    best = max(range(len(matched)), key=lambda number: matched[number].inliers, default=None)
    comparison = None
    if best is not None and matched[best].inliers:
        caption = f"{candidate.rank}. {candidate.entry.fields.title or candidate.entry.fields.entry_id}"
        drawn = side_by_side(services.images.pixels(crops[best][0]), picture, matched[best], caption)
        comparison = _jpeg(drawn)
    return DossierItem(candidate, _jpeg(Image.fromarray(picture)), comparison)


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=82)
    return file.getvalue()


def _data(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
