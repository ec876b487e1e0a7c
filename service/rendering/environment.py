"""The Jinja environment of all templates: pages, dossiers, the re-index report, the picture sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from index.search.answer import Attribution
from service.rendering.facts import entry_facts, object_facts, product_facts, several
from service.rendering.marking import marked
from service.rendering.pictures import data_uri
from service.rendering.status import settled_text

STATIC = Path(__file__).parents[1] / "static" / "pages"
# The message key of each state of a lead.
STATE_WORDS: Mapping[str, str] = {
    "open": "lead.open",
    "confirmed": "lead.confirmed",
    "ruled_out": "lead.ruled_out",
    "sold_too_widely": "lead.sold_too_widely",
    "not_in_catalogue": "lead.not_in_catalogue",
}
# Of each verdict: itself, and what it means.
VERDICT_WORDS: Mapping[str, tuple[str, str]] = {
    "candidates": ("verdict.candidates", "verdict.candidates.why"),
    "brand": ("verdict.brand", "verdict.brand.why"),
    "no good match": ("verdict.none", "verdict.none.why"),
}
# And of a lead's state as an earlier decision on a candidate's family.
EARLIER_WORDS: Mapping[str, str] = {
    "confirmed": "earlier.confirmed",
    "ruled_out": "earlier.ruled_out",
    "sold_too_widely": "earlier.sold_too_widely",
}


@cache
def environment() -> Environment:
    """The environment; values are HTML-escaped."""
    jinja = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["link"] = web_link
    jinja.filters["marked"] = marked
    jinja.filters["percent"] = percent
    jinja.filters["several"] = several
    jinja.filters["segment"] = lambda text: quote(text, safe="/")
    jinja.globals["state_words"] = STATE_WORDS
    jinja.globals["earlier_words"] = EARLIER_WORDS
    jinja.globals["verdict_words"] = VERDICT_WORDS
    jinja.filters["data_uri"] = data_uri
    jinja.globals["entry_facts"] = entry_facts
    jinja.globals["object_facts"] = object_facts
    jinja.globals["product_facts"] = product_facts
    jinja.globals["duration"] = duration
    jinja.globals["settled_text"] = settled_text
    jinja.globals["static"] = static_address
    return jinja


def web_link(address: str | None) -> str:
    """A URL from a feed if its scheme is http or https, otherwise "": a link must not run a script."""
    try:
        scheme = urlsplit(address or "").scheme
    except ValueError:
        return ""
    return address or "" if scheme in ("http", "https") else ""


def percent(share: float | None) -> str:
    """A likelihood in whole per cent, from 1 to 99, so that it never reads as a certainty."""
    if share is None:
        return "–"
    return f"{min(99, max(1, round(100 * share)))} %"


def attribution_text(found: Sequence[Attribution]) -> str:
    """Brands or retailers in a line, each with its likelihood where there is one."""
    return ", ".join(one.name if one.likelihood is None else f"{one.name} {percent(one.likelihood)}" for one in found)


@cache
def static_address(name: str) -> str:
    """The URL of a file of static/pages, with a hash of its content, so that browsers never use an old copy."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def duration(seconds: float) -> str:
    """A duration in seconds as text, such as 4.2 s, 12 min or 1 h 05 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
