"""Watches: every open object is a standing query over the catalogue; what it newly finds becomes an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from embedding.errors import TraceObjectError
from index.generations.generations import Generation
from index.jobs.alerts import Alert, add_alerts, list_alerts
from index.progress import Progress
from index.records.database import Database
from index.records.entries import Entry
from index.records.facts import fact, set_fact
from index.records.feed_records import ObjectStatus
from index.search.answer import MAX_IMAGES, Answer, Candidate, Query, QueryImage
from index.stores.images import ImageStore

# A product sold by many shops takes as many places of the answer.
LIMIT = 50
_WATCHED = "watched generation"

Ask = Callable[[Query], Answer]


def watch(
    generation: Generation,
    ask: Ask,
    database: Database,
    images: ImageStore,
    threshold: float,
    now: str,
    progress: Progress,
) -> tuple[list[Alert], tuple[str, ...]]:
    """Ask every open object of a generation, and keep as alerts the products at or above a likelihood.

    An object and a product are alerted once, ever. An object identified or closed is no longer asked. Without a
    calibration a candidate has no likelihood, and nothing is alerted. Interrupted, it is done again by the next run.

    Returns:
        the alerts that are new, and why an object could not be asked.
    """
    told: list[str] = []
    before = {_pair(alert) for alert in list_alerts(database)}
    found: list[Alert] = []
    watched = _open_objects(generation) if generation.likelihood else []
    with progress.step("watches", len(watched)) as tick:
        for thing in watched:
            try:
                new = [alert for alert in _ask(thing, ask, images, threshold, now) if _pair(alert) not in before]
            except TraceObjectError as error:
                told.append(f"object {thing.fields.entry_id} of {thing.source} could not be watched: {error}")
                new = []
            add_alerts(database, new)
            found += new
            tick(1)
    with database.begin() as connection:
        set_fact(database, connection, _WATCHED, str(generation.number))
    return found, tuple(told)


def is_watched(database: Database, generation: int) -> bool:
    """Whether a generation is the one that was watched last, from the first object to the last."""
    with database.connect() as connection:
        return fact(connection, _WATCHED) == str(generation)


def _open_objects(generation: Generation) -> list[Entry]:
    return [entry for entry in generation.records.entries("objects") if entry.fields.status == ObjectStatus.OPEN]


def _ask(thing: Entry, ask: Ask, images: ImageStore, threshold: float, now: str) -> Iterator[Alert]:
    """The products that may be one object's, by all its crops together."""
    crops = thing.images[:MAX_IMAGES]
    answer = ask(Query(tuple(QueryImage(images.pixels(crop)) for crop in crops), limit=LIMIT))
    for candidate in answer.candidates:
        if candidate.likelihood is not None and candidate.likelihood >= threshold:
            yield _alert(thing, crops, candidate, answer.generation, now)


def _alert(thing: Entry, crops: Sequence[str], candidate: Candidate, generation: int, now: str) -> Alert:
    product = candidate.entry
    likelihood = 0.0 if candidate.likelihood is None else candidate.likelihood
    return Alert(
        object_source=thing.source,
        object_id=thing.fields.entry_id,
        source=product.source,
        product_id=product.fields.entry_id,
        object_title=thing.fields.title,
        title=product.fields.title,
        brand=product.fields.brand,
        retailer=product.fields.retailer,
        link=product.fields.link,
        crop=crops[int(np.argmax(candidate.evidence.similarity))],
        image=candidate.image,
        likelihood=round(likelihood, 4),
        generation=generation,
        found=now,
    )


def _pair(alert: Alert) -> tuple[str, str, str, str]:
    return alert.object_source, alert.object_id, alert.source, alert.product_id
