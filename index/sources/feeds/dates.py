"""Dates as feeds write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_WORDS = re.compile(
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?(?: de)? )?"
    r"(?P<month>[^\W\d]{3,})\.?(?: de)?,? "
    r"(?:(?P<late>\d{1,2})(?:st|nd|rd|th)?,? )?(?P<year>\d{4})"
)
# By their first letters, as long as it takes: English, French, German, Dutch, Spanish, Italian.
_MONTHS = (
    ("jan", "gen", "ene"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "maa", "mrt"),
    ("apr", "avr", "abr"),
    ("may", "mai", "mei", "mag"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "ott"),
    ("nov",),
    ("dec", "déc", "dez", "dic"),
)
# What databases write where there is no date: MySQL's zero date, and the beginnings of calendars.
_ZERO = re.compile(r"0{4}-0{2}-0{2}|0001-01-01|00[/.]00[/.]0{4}|0+")
# Seconds since 1970 from 1990 on, up to 2100, or as many milliseconds.
_UNIX = re.compile(r"(\d{9,10})(?:\d{3})?(?:\.\d+)?")
_FROM, _TO = 631_152_000, 4_102_444_800


def parse_date(text: str) -> date | None:
    """Return the calendar day that `text` names, or None where it is blank, or a zero date.

    Read are ISO 8601 days and instants (the day as written, whatever the time zone), the start of an ISO interval
    `a/b`, `31.12.2025`, `5 May 2024` and `May 5, 2024`, HTTP's `Tue, 05 Mar 2024 10:00:00 GMT`, seconds or milliseconds
    since 1970 (the day in UTC), and `12/31/2024`, where only one order makes a date. `01/02/2025` is not: it is two
    different days on the two sides of an ocean.

    Raises:
        ValueError: it names no day, or not a single one.
    """
    text = " ".join(text.split())
    if not text or _ZERO.fullmatch(text.partition(" ")[0].partition("T")[0]):
        return None
    if dotted := _DOTTED.fullmatch(text):
        day, month, year = map(int, dotted.groups())
        return date(year, month, day)
    if slashed := _SLASHED.fullmatch(text):
        return _in_either_order(*map(int, slashed.groups()))
    if year_first := _YEAR_FIRST.fullmatch(text):
        return date(*map(int, year_first.groups()))
    if words := _WORDS.fullmatch(text):
        return date(int(words["year"]), _month(words["month"]), int(words["day"] or words["late"] or 0))
    if unix := _UNIX.fullmatch(text):
        return _since_1970(int(unix[1]))
    start = text.split("/")[0].strip() if text.count("/") == 1 else text
    try:
        return datetime.fromisoformat(start.replace(" UTC", "+00:00")).date()
    except ValueError:
        return parsedate_to_datetime(text).date()


def _in_either_order(one: int, two: int, year: int) -> date:
    if (one > 12) == (two > 12) and one != two:
        raise ValueError("day and month may be in either order")
    return date(year, min(one, two), max(one, two))


def _month(name: str) -> int:
    """The number of a month by its name. Raises ValueError."""
    # The longest beginning decides: juin and juillet begin alike.
    found = [
        (len(start), number)
        for number, starts in enumerate(_MONTHS, start=1)
        for start in starts
        if name.casefold().startswith(start)
    ]
    if not found:
        raise ValueError(f"{name[:20]!r} is no month")
    return max(found)[1]


def _since_1970(seconds: int) -> date:
    if not _FROM <= seconds < _TO:
        raise ValueError("no time of this or the last century")
    return datetime.fromtimestamp(seconds, UTC).date()
