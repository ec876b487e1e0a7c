"""Watches: every open object is a standing query over the catalogue, and new results become alerts."""

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

# Large enough that a product sold by many shops does not displace all others.
LIMIT = 50
_WATCHED = "watched generation"

Search = Callable[[Query], Answer]


def watch(
    generation: Generation,
    search: Search,
    database: Database,
    images: ImageStore,
    threshold: float,
    now: str,
    progress: Progress,
) -> tuple[list[Alert], tuple[str, ...]]:
    """Search for every open object of a generation, and store the products at or above a likelihood as alerts.

    A pair of object and product is alerted only once. Objects that are identified or closed are not searched for.
    Without a calibration candidates have no likelihood, and there are no alerts. The next run repeats an interrupted
    one.

    Returns:
        the new alerts, and warnings of objects that could not be searched for.
    """
    warnings: list[str] = []
    before = {_pair(alert) for alert in list_alerts(database)}
    found: list[Alert] = []
    watched = _open_objects(generation) if generation.likelihood else []
    with progress.step("watches", len(watched)) as tick:
        for item in watched:
            try:
                new = [alert for alert in _alerts(item, search, images, threshold, now) if _pair(alert) not in before]
            except TraceObjectError as error:
                warnings.append(f"object {item.fields.entry_id} of {item.source} could not be watched: {error}")
                new = []
            add_alerts(database, new)
            found += new
            tick(1)
    with database.begin() as connection:
        set_fact(database, connection, _WATCHED, str(generation.number))
    return found, tuple(warnings)


def is_watched(database: Database, generation: int) -> bool:
    """Whether a generation is the one that was watched last, completely."""
    with database.connect() as connection:
        return fact(connection, _WATCHED) == str(generation)


def _open_objects(generation: Generation) -> list[Entry]:
    return [entry for entry in generation.records.entries("objects") if entry.fields.status == ObjectStatus.OPEN]


def _alerts(item: Entry, search: Search, images: ImageStore, threshold: float, now: str) -> Iterator[Alert]:
    """Alerts of the products that may be an object, searched for by all its crops together."""
    crops = item.images[:MAX_IMAGES]
    answer = search(Query(tuple(QueryImage(images.pixels(crop)) for crop in crops), limit=LIMIT))
    for candidate in answer.candidates:
        if candidate.likelihood is not None and candidate.likelihood >= threshold:
            yield _alert(item, crops, candidate, answer.generation, now)


def _alert(item: Entry, crops: Sequence[str], candidate: Candidate, generation: int, now: str) -> Alert:
    product = candidate.entry
    likelihood = 0.0 if candidate.likelihood is None else candidate.likelihood
    return Alert(
        object_source=item.source,
        object_id=item.fields.entry_id,
        source=product.source,
        product_id=product.fields.entry_id,
        object_title=item.fields.title,
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
