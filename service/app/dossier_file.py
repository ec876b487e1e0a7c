"""A dossier as a file, and the record of who took it."""

from __future__ import annotations

from typing import Literal

from index.records.entries import Entry
from service.accounts.roles import Visitor
from service.app.dossier import as_html, draw_up
from service.app.services import Services
from service.rendering.language import Words

Form = Literal["html", "pdf"]
MEDIA = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


def written(entry: Entry, form: Form, words: Words, services: Services, visitor: Visitor) -> bytes:
    """Draw up an object's dossier and record that it was taken. Takes its time: for a worker thread."""
    told = draw_up(entry, services, visitor)
    services.audit.append(
        "dossier",
        visitor.name,
        object=(entry.source, entry.fields.entry_id),
        form=form,
        query_id=told.answer.query_id if told.answer else "",
    )
    if form == "html":
        return as_html(told, words).encode()
    # Its library takes as long to import as the whole of a compiled model: a server that starts does not wait for it.
    from service.app.dossier_pdf import as_pdf

    return as_pdf(told, words)
