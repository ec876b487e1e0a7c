"""Reservations of text and data mining: tdmrep.json and the tdm-reservation header.

Protocol: W3C Text and Data Mining Reservation Protocol (TDMRep), final community group report, 10 May 2024.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

WELL_KNOWN = "/.well-known/tdmrep.json"
RESERVATIONS_BYTES = 512_000
_RULES, _PATTERN_LENGTH = 2000, 500


@dataclass(frozen=True)
class Reservations:
    """The rules of one tdmrep.json, in its order: a pattern of paths, and whether mining is reserved there."""

    rules: tuple[tuple[str, bool], ...] = ()
    size: int = 0

    @classmethod
    def parse(cls, content: bytes) -> Reservations:
        """Read a tdmrep.json; whatever is not one (an HTML page, noise) reserves nothing."""
        try:
            listed = json.loads(content)
        except (ValueError, RecursionError):
            return cls()
        rules = []
        for rule in listed[:_RULES] if isinstance(listed, list) else ():
            location = rule.get("location") if isinstance(rule, dict) else None
            if isinstance(location, str) and len(location) <= _PATTERN_LENGTH:
                rules.append((unquote(location), str(rule.get("tdm-reservation", "")).strip() == "1"))
        return cls(tuple(rules), len(content))

    def reserve(self, path: str) -> bool:
        """Whether a path, with its query, is reserved. The first rule that fits it counts (TDMRep, 6.1)."""
        path = unquote(path)
        return next((reserved for pattern, reserved in self.rules if _fits(pattern, path)), False)


def reserved_by_header(value: str) -> bool:
    """Whether a tdm-reservation header, or the content of a meta element of that name, reserves."""
    return value.strip() == "1"


def _fits(pattern: str, path: str) -> bool:
    """Whether a path begins as a pattern says; `*` stands for anything, `$` at its end for the path's end."""
    anchored = pattern.endswith("$")
    first, *parts = re.split(r"\*+", pattern.removesuffix("$"))
    if not path.startswith(first):
        return False
    if anchored and not parts:
        return path == first
    # The leftmost place of each part leaves the most for those that follow: no place is tried twice.
    at, last = len(first), parts.pop() if anchored else ""
    for part in parts:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return path.endswith(last) and len(path) - len(last) >= at
