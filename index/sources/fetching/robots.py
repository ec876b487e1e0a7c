"""What a site says to crawlers: robots.txt (RFC 9309) and the opt-outs in X-Robots-Tag."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from protego import Protego

ROBOTS_BYTES = 512_000
"""How much of a robots.txt is read; RFC 9309 asks for at least 500 KiB."""

OPT_OUTS = frozenset({"noai", "noimageai"})

_AGENT_LINE = re.compile(r"\s*user[ -]?agent\s*[:\s]\s*(?P<value>[^#]*)", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_OTHER_ROBOT = "-"
# Directives of X-Robots-Tag that carry a value after a colon and so are not the name of a crawler.
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


def product_token(user_agent: str) -> str:
    """How robots.txt calls a crawler: "shopbot" for "shopbot/1.0 (+https://...)"; empty if there is no name."""
    match = _TOKEN.match(user_agent)
    return match.group() if match else ""


@dataclass(frozen=True)
class Rules:
    """What one robots.txt says to one crawler. `delay`: seconds it wants between two requests, 0 if it names none."""

    token: str
    delay: float = 0.0
    size: int = 0
    parsed: Protego | None = None

    @classmethod
    def parse(cls, content: bytes, token: str) -> Rules:
        """Read a robots.txt; whatever is not one (an HTML page, noise) forbids nothing."""
        text = _only_ours(content.decode("utf-8-sig", errors="replace"), token)
        parsed = Protego.parse(text)
        rate = parsed.request_rate(token)
        delay = max(parsed.crawl_delay(token) or 0.0, rate.seconds / rate.requests if rate else 0.0)
        return cls(token, delay, len(text), parsed)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """The sitemaps that the file names, as written."""
        return tuple(self.parsed.sitemaps) if self.parsed else ()

    def allow(self, url: str) -> bool:
        """Whether this URL of the site may be fetched."""
        return self.parsed is None or self.parsed.can_fetch(url, self.token)


def opted_out(x_robots_tags: Iterable[str], token: str) -> str:
    """The opt-out among the X-Robots-Tag headers of an answer that holds for this crawler; empty if none does.

    A header may begin, or go on, with a crawler's name and a colon; what follows is then said to that crawler alone.
    """
    for header in x_robots_tags:
        to_us = True
        for part in header.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in _VALUED:
                to_us = name.strip() in ("*", token.lower())
                part = rest
            if to_us and part.strip() in OPT_OUTS:
                return part.strip()
    return ""


def _only_ours(text: str, token: str) -> str:
    """Fold the groups of all other crawlers into one.

    Names are matched as RFC 9309 says, whole and whatever their case. Folding also keeps a file of ten thousand
    crawlers times ten thousand rules from being multiplied out in memory.
    """
    lines = []
    for line in text.splitlines():
        match = _AGENT_LINE.match(line)
        if match:
            value = match["value"].strip()
            named = product_token(value).lower() == token.lower()
            line = f"User-agent: {'*' if value == '*' else token if named else _OTHER_ROBOT}"
        lines.append(line)
    return "\n".join(lines)
