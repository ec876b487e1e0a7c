"""The report of a night: one self-contained page."""

from __future__ import annotations

from embedding.errors import TraceObjectError
from index.stores.images import ImageStore
from service.rendering.environment import environment
from service.rendering.pictures import data_uri
from service.reports.account import Account

SHOWN = 50
"""Alerts shown with their pictures: a page that no browser opens helps nobody. `traceobject alerts` lists all."""


def render(account: Account, images: ImageStore) -> str:
    """The page of an account. A picture that cannot be read is left out: the report must come all the same."""

    def picture(sha256: str) -> str:
        try:
            return data_uri(images.pixels(sha256))
        except (TraceObjectError, OSError):
            return ""

    return _PAGE.render(night=account, shown=SHOWN, picture=picture)


# Read before the night begins: an upgrade in the middle of it must not leave it without a report.
_PAGE = environment().get_template("night.html")
