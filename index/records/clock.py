"""Days that a clock which was ahead wrote: brought back to today once it is right again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from index.records.catalogue import Source
from index.records.database import Database
from index.records.schema import entries, sources


def correct_future_days(database: Database, source: Source, today: date) -> Source:
    """Correct the days of a source whose last reading lies in the future.

    Days between today and that reading are ours: the first day of an entry without one in the feed, and the day on
    which it was gone. A day of the feed itself in that span cannot be distinguished, and is corrected too.
    """
    day, ahead = today.isoformat(), source.read_on
    if ahead <= day:
        return source
    here = entries.c.source_id == source.id
    gone = here & (entries.c.gone_on != "")
    # Of an object the day is ours in any case: that on which it was found to be no longer open.
    settled = gone | (here & (entries.c.collection == "objects"))
    with database.begin() as connection:
        for column, condition in (
            (entries.c.first_seen, here),
            (entries.c.gone_on, gone),
            (entries.c.last_seen, settled),
        ):
            future = condition & (column > day) & (column <= ahead)
            connection.execute(sa.update(entries).where(future).values({column: day}))
        connection.execute(sa.update(sources).where(sources.c.id == source.id).values(read_on=day))
    return replace(source, read_on=day)
