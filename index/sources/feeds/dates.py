"""Dates as feeds write them."""

from __future__ import annotations

import re
from datetime import date, datetime

_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


def parse_date(text: str) -> date | None:
    """Return the calendar day that `text` names, or None for blank text.

    Read are ISO 8601 days and instants (the day as written, whatever the time zone), the start of an ISO interval
    `a/b`, and `31.12.2025`. `01/02/2025` is not: it is two different days on the two sides of an ocean.
    Raises ValueError.
    """
    text = text.strip()
    if not text:
        return None
    dotted = _DOTTED.fullmatch(text)
    if dotted:
        day, month, year = (int(part) for part in dotted.groups())
        return date(year, month, day)
    start = text.split("/")[0].strip() if text.count("/") == 1 else text
    return datetime.fromisoformat(start.replace(" UTC", "+00:00")).date()
