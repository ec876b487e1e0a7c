"""The HTML report of a re-index: one self-contained page."""

from __future__ import annotations

from embedding.errors import TraceObjectError
from index.stores.images import ImageStore
from service.rendering.environment import environment
from service.rendering.pictures import data_uri
from service.reports.run_record import RunRecord

MAX_ALERTS = 50
"""Alerts shown with their pictures, so that the page stays small enough; `traceobject alerts` lists all."""


def render(record: RunRecord, images: ImageStore) -> str:
    """The page of a record. A picture that cannot be read is left out, so that the report is written all the same."""

    def picture(sha256: str) -> str:
        try:
            return data_uri(images.pixels(sha256))
        except (TraceObjectError, OSError):
            return ""

    return _PAGE.render(run=record, max_alerts=MAX_ALERTS, picture=picture)


# Loaded at import, so that an upgrade of the installed files during a run cannot break its report.
_PAGE = environment().get_template("run_report.html")
