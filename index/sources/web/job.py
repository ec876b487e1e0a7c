"""One source on the web that is being brought here, and what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TypeVar

from index.progress import Progress
from index.records.catalogue import Source
from index.records.database import Database
from index.records.feed_records import Refusal
from index.records.source_options import SourceOptions
from index.sources.fetching.outcomes import Failure
from index.sources.web.client import WebClient

T = TypeVar("T")


@dataclass(frozen=True)
class Delivery:
    """A feed on disk that holds what a source has now, and the format and encoding in which it is to be read.

    An empty `encoding` is found by content. `left_out`: what of the source is not in it, and why. `notes`: what else a
    report should say. `cut`: it is the beginning of a longer feed, loaded for a preview.
    """

    path: Path
    format: str
    encoding: str = ""
    left_out: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class WebJob:
    """A source, where its files are kept, and by what it is asked. `pages_a_night`: the budget of a crawl.

    `enough`: how many entries a preview needs; 0 asks for all.
    """

    source: Source
    options: SourceOptions
    folder: Path
    client: WebClient
    database: Database
    today: date
    pages_a_night: int
    progress: Progress
    enough: int = 0

    def first(self, rows: Iterator[T]) -> Iterator[T]:
        """The rows that are needed: all, or those of a preview."""
        return islice(rows, self.enough or None)

    @property
    def url(self) -> str:
        return self.source.location


@dataclass
class LeftOut:
    """Counts what was left out by reason, so that a shop that forbids all its pages is told of in one line."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, Refusal] = field(default_factory=dict)

    def add(self, where: str, reason: str, message: str) -> None:
        self.counts[reason] += 1
        self.first.setdefault(reason, Refusal(where, reason, message))

    def fail(self, where: str, failure: Failure) -> None:
        """Count a document that could not be had."""
        self.add(where, str(failure.reason), str(failure))

    def refusals(self) -> tuple[Refusal, ...]:
        """One for each reason, with the first of its kind and how many there are."""
        found = []
        for reason, count in self.counts.items():
            one = self.first[reason]
            many = f"{count:,} addresses were left out for this reason; the first: " if count > 1 else ""
            found.append(Refusal(one.where, reason, many + one.message))
        return tuple(found)
