"""The dossier of an object: everything that is known of it here, as one file to hand over."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from PIL import Image

from index.errors import UnknownEntry
from index.generations.generations import now
from index.jobs.alerts import Alert, list_alerts
from index.records.database import Database
from index.records.entries import Entry
from index.search.answer import MAX_IMAGES, Answer, Candidate
from service.accounts.roles import Visitor
from service.app.evidence import side_by_side
from service.app.leads import Lead
from service.app.search_form import Asked, find
from service.app.services import Services
from service.rendering.environment import environment
from service.rendering.language import Words

CANDIDATES = 12
_PICTURE_SIDE = 900


@dataclass(frozen=True)
class DossierItem:
    """A candidate with its picture, and its comparison with the crop that shares most points with it (JPEG)."""

    candidate: Candidate
    picture: bytes
    comparison: bytes | None


@dataclass(frozen=True)
class Dossier:
    """An object, its crops (JPEG, by SHA-256), what a search by all of them found, its leads and its alerts.

    `made` is in UTC.
    """

    entry: Entry
    crops: tuple[tuple[str, bytes], ...]
    answer: Answer | None
    shown: tuple[DossierItem, ...]
    leads: tuple[Lead, ...]
    alerts: tuple[Alert, ...]
    made: str


def draw_up(entry: Entry, services: Services, visitor: Visitor) -> Dossier:
    """Search by an object's crops and gather the rest. Takes its time: for a worker thread."""
    crops = tuple((image, services.images.read(image)) for image in entry.images[:MAX_IMAGES])
    mine, answer = (entry.source, entry.fields.entry_id), None
    if crops:
        asked = Asked(crops=tuple(image for image, _ in crops), limit=CANDIDATES, about=mine)
        answer = find(asked, services, visitor).answer
    return Dossier(
        entry,
        crops,
        answer,
        tuple(_shown(candidate, crops, services) for candidate in answer.candidates) if answer else (),
        services.leads.of_object(*mine),
        alerts_of(entry, services),
        now(),
    )


def alerts_of(entry: Entry, services: Services) -> tuple[Alert, ...]:
    """The alerts of an object, newest first."""
    with closing(Database.open(services.workspace.database_url)) as records:
        found = list_alerts(records)
    mine = (entry.source, entry.fields.entry_id)
    return tuple(alert for alert in reversed(found) if (alert.object_source, alert.object_id) == mine)


def as_html(dossier: Dossier, words: Words) -> str:
    """One page that needs nothing else: pictures inlined, no script, nothing loaded from elsewhere."""
    template = environment().get_template("pages/dossier.html")
    return template.render(t=words, dossier=dossier, data=_data)


def file_name(entry: Entry, ending: str) -> str:
    """A name for the file that any system takes."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in entry.fields.entry_id)
    return f"traceobject-{plain[:60] or 'object'}.{ending}"


def _shown(candidate: Candidate, crops: Sequence[tuple[str, bytes]], services: Services) -> DossierItem:
    try:
        picture = services.images.pixels(candidate.image)
    except UnknownEntry:
        # Forgotten since this generation was built: the rest of the dossier stands.
        return DossierItem(candidate, b"", None)
    matched = candidate.evidence.matched
    best = max(range(len(matched)), key=lambda place: matched[place].inliers, default=None)
    comparison = None
    if best is not None and matched[best].inliers:
        told = f"{candidate.rank}. {candidate.entry.fields.title or candidate.entry.fields.entry_id}"
        drawn = side_by_side(services.images.pixels(crops[best][0]), picture, matched[best], told)
        comparison = _jpeg(drawn)
    return DossierItem(candidate, _jpeg(Image.fromarray(picture)), comparison)


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=82)
    return file.getvalue()


def _data(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
