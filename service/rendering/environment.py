"""The templates of everything that people see: pages, dossiers, the report of a night, the picture sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.rendering.pictures import data_uri

STATIC = Path(__file__).parents[1] / "static" / "pages"
# The message that names each state of a lead.
STATE_WORDS: Mapping[str, str] = {
    "open": "lead.open",
    "confirmed": "lead.confirmed",
    "ruled_out": "lead.ruled_out",
    "not_in_catalogue": "lead.not_in_catalogue",
}


@cache
def environment() -> Environment:
    """The templates, escaping whatever is put into them."""
    made = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["link"] = web_link
    made.filters["percent"] = percent
    made.filters["segment"] = lambda text: quote(text, safe="/")
    made.globals["state_words"] = STATE_WORDS
    made.filters["data_uri"] = data_uri
    made.globals["duration"] = duration
    made.globals["static"] = static_address
    return made


def web_link(address: str | None) -> str:
    """An address as a feed gave it, if a browser may follow it: never a script; else nothing."""
    try:
        scheme = urlsplit(address or "").scheme
    except ValueError:
        return ""
    return address or "" if scheme in ("http", "https") else ""


def percent(share: float | None) -> str:
    """A likelihood for people: whole percents, and never a certainty."""
    if share is None:
        return "–"
    return f"{min(99, max(1, round(100 * share)))} %"


@cache
def static_address(name: str) -> str:
    """The address of a file of static/pages; it changes with the file, so that no old copy stays in use."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
