"""The state of each source: its entries and pictures, and what was refused."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa

from index.records.catalogue import Catalogue, Source
from index.records.feed_records import Refusal
from index.records.schema import entries, origins, pictures, refusals

SHOWN_REFUSALS = 20
_SHOWN_AUTHORITIES = 3


@dataclass(frozen=True)
class SourceState:
    """A source, the entries of its feed and the images that they show, and what was refused.

    `authorities`: the first of those that its objects name. `reasons`: the number of refusals for each reason, the
    most frequent first; `refusals`: the first of all.
    """

    source: Source
    authorities: tuple[str, ...]
    entries: int
    pictures: int
    reasons: tuple[tuple[str, int], ...]
    refusals: tuple[Refusal, ...]

    @property
    def refused(self) -> int:
        return sum(count for _, count in self.reasons)


def source_states(catalogue: Catalogue) -> list[SourceState]:
    """Every source, in the order they were added."""
    here = entries.c.gone_on == ""
    count = sa.func.count()
    counted = sa.select(entries.c.source_id, count).where(here).group_by(entries.c.source_id)
    shown = (
        sa.select(entries.c.source_id, sa.func.count(origins.c.sha256.distinct()))
        .join(pictures, pictures.c.entry == entries.c.id)
        .join(origins, origins.c.reference == pictures.c.reference)
        .where(here & (origins.c.sha256 != ""))
        .group_by(entries.c.source_id)
    )
    named = (
        sa.select(entries.c.source_id, entries.c.authority)
        .where(here & (entries.c.authority != ""))
        .distinct()
        .order_by(entries.c.authority)
    )
    why = (
        sa.select(refusals.c.source_id, refusals.c.reason, count)
        .group_by(refusals.c.source_id, refusals.c.reason)
        .order_by(count.desc(), refusals.c.reason)
    )
    with catalogue.database.connect() as connection:
        entry_counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(counted)}
        picture_counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(shown)}
        authorities, reasons = defaultdict(list), defaultdict(list)
        for source_id, authority in connection.execute(named):
            authorities[source_id].append(authority)
        for source_id, reason, number in connection.execute(why):
            reasons[source_id].append((reason, number))
    return [
        SourceState(
            source,
            tuple(authorities[source.id][:_SHOWN_AUTHORITIES]),
            entry_counts.get(source.id, 0),
            picture_counts.get(source.id, 0),
            tuple(reasons[source.id]),
            tuple(catalogue.refusals(source, SHOWN_REFUSALS)) if reasons[source.id] else (),
        )
        for source in catalogue.sources()
    ]
