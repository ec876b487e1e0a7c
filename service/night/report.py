"""The report of a night: one self-contained page."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from embedding.errors import TraceObjectError
from index.stores.images import ImageStore
from service.night.account import Account
from service.sheet import data_uri

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


def _duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


_ENVIRONMENT = Environment(
    loader=PackageLoader("service"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.globals["duration"] = _duration
# Read before the night begins: an upgrade in the middle of it must not leave it without a report.
_PAGE = _ENVIRONMENT.get_template("night.html")
