"""Which entries of a source its feed still names, while a reading is in progress."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from index.records.catalogue import Source
from index.records.database import Database
from index.records.schema import entries, pictures, sources

BATCH = 1000


def keep(database: Database, source: Source, entry_ids: Iterable[str]) -> None:
    """Note that the feed names entries whose rows could not be used: they and their pictures stay as they are."""
    wanted = list(entry_ids)
    now = {"reading": source.reading}
    with database.begin() as connection:
        for start in range(0, len(wanted), BATCH):
            here = _here(source) & entries.c.entry_id.in_(wanted[start : start + BATCH])
            found = list(connection.execute(sa.select(entries.c.id).where(here)).scalars())
            connection.execute(sa.update(entries).where(entries.c.id.in_(found)).values(now))
            connection.execute(sa.update(pictures).where(pictures.c.entry.in_(found)).values(now))


def count_present(database: Database, source: Source) -> int:
    """How many entries of a source are not gone."""
    return _count(database, _here(source))


def count_missing(database: Database, source: Source) -> int:
    """How many entries the current reading has not named: those that it would take as gone."""
    return _count(database, _here(source) & (entries.c.reading < source.reading))


def note_line_end(database: Database, source: Source, has_end: bool) -> None:
    """Note whether the last line of a source's feed had its end when it was read to its end."""
    if has_end != source.line_end:
        with database.begin() as connection:
            connection.execute(sa.update(sources).where(sources.c.id == source.id).values(line_end=has_end))


def _here(source: Source) -> sa.ColumnElement[bool]:
    return (entries.c.source_id == source.id) & (entries.c.gone_on == "")


def _count(database: Database, condition: sa.ColumnElement[bool]) -> int:
    with database.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).where(condition)).scalar_one()
