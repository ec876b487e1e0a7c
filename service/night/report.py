"""The report of a night: one self-contained page."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from embedding.errors import TraceObjectError
from index.images import ImageStore
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

    environment = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["picture"] = picture
    return environment.get_template("night.html").render(night=account, shown=SHOWN)
