"""Exit statuses, and the list of refused inputs on stderr."""

from __future__ import annotations

from collections.abc import Iterable

import click

from index.records.feed_records import Refusal

DONE, FAILED, WRONG_USE, SOME_REFUSED = 0, 1, 2, 3


def list_refused(refused: Iterable[Refusal]) -> int:
    """List on stderr what was refused and why; the exit status that follows."""
    listed = list(refused)
    for item in listed:
        click.echo(f"refused {item.where}: {item.reason}: {item.message}", err=True)
    if listed:
        click.echo(f"{len(listed)} input{' was' if len(listed) == 1 else 's were'} refused; all else is done", err=True)
    return SOME_REFUSED if listed else DONE
