"""Exit statuses, and the list of refused inputs on stderr."""

from __future__ import annotations

from collections.abc import Iterable

from index.records.feed_records import Refusal
from service.cli.streams import say

DONE, FAILED, WRONG_USE, SOME_REFUSED = 0, 1, 2, 3


def list_refused(refused: Iterable[Refusal], *, all_else_done: bool = True) -> int:
    """List on stderr what was refused and why; the exit status that follows where `all_else_done`."""
    listed = list(refused)
    for item in listed:
        say(f"refused {item.where}: {item.reason}: {item.message}")
    if listed:
        counted = f"{len(listed)} input{' was' if len(listed) == 1 else 's were'} refused"
        say(f"{counted}; all else is done" if all_else_done else counted)
    return SOME_REFUSED if listed else DONE
