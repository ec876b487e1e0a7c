"""A dossier as a file; each download is recorded in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from index.records.entries import Entry
from service.accounts.roles import Visitor
from service.app.dossier import Dossier, as_html, build_dossier
from service.app.dossier_case import as_case
from service.app.services import Services
from service.rendering.language import Words

DossierFormat = Literal["html", "pdf", "jsonld"]
MEDIA_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "jsonld": "application/ld+json"}


def render_series(entries: Sequence[Entry], services: Services, visitor: Visitor) -> bytes:
    """The dossiers of a series' objects as one CASE file; each is recorded as a download of its own. Slow."""
    return as_case([_recorded(entry, "jsonld", services, visitor) for entry in entries])


def render_dossier(entry: Entry, form: DossierFormat, words: Words, services: Services, visitor: Visitor) -> bytes:
    """Build an object's dossier and record the download. Slow: call it from a worker thread."""
    dossier = _recorded(entry, form, services, visitor)
    if form == "html":
        return as_html(dossier, words).encode()
    if form == "jsonld":
        return as_case((dossier,))
    # Imported here because the PDF library is slow to import, which would delay every start of the server.
    from service.app.dossier_pdf import as_pdf

    return as_pdf(dossier, words)


def _recorded(entry: Entry, form: DossierFormat, services: Services, visitor: Visitor) -> Dossier:
    dossier = build_dossier(entry, services, visitor)
    services.audit.append(
        "dossier",
        visitor.name,
        object=(entry.source, entry.fields.entry_id),
        form=form,
        query_id=dossier.answer.query_id if dossier.answer else "",
    )
    return dossier
