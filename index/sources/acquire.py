"""Picture references into the image store: what changed is read or fetched, decoded, and kept as a normalised copy."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

from embedding.errors import ImageRefused
from embedding.image.decode import DEFAULT_LIMITS, decode
from embedding.image.normalised_copy import normalised_copy
from index.progress import Progress
from index.records.catalogue import Catalogue, ImageReference, Source
from index.records.feed_records import Refusal
from index.sources.feeds.pictures import file_of, read_picture
from index.sources.fetching.outcomes import Fetched, FetchRefused, NotModified, Outcome, Request
from index.sources.fetching.scheduler import FairScheduler
from index.sources.gate import ApprovingGate
from index.stores.images import ImageStore

BATCH = 256
# Looking whether a file changed costs far less than reading it.
STAT_BATCH = 4096
READERS = 2
# Enough for local features and for an investigator's eye; the models want 224 to 512.
LONG_SIDE = 1024
# A shop gives a new picture a new URL; asking for every old one every night would be rude and slow.
ASK_AGAIN = timedelta(days=7)

OPEN = ApprovingGate()

Fetch = Callable[[Iterable[Request]], Iterator[Outcome]]


@dataclass(frozen=True)
class Acquired:
    """What became of a source's pictures: how many are new here, and those that could not be used today."""

    new: int
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class _Look:
    """What was known of a reference, what is known now, and width and height where a copy was made."""

    before: ImageReference
    now: ImageReference
    size: tuple[int, int] | None = None


def acquire(
    source: Source,
    catalogue: Catalogue,
    store: ImageStore,
    fetch: Fetch,
    today: date,
    progress: Progress,
    gate: ApprovingGate = OPEN,
) -> Acquired:
    """Bring every picture of a source's current entries into the store.

    A file is read again only when its size or time changed, a URL asked again, conditionally, after ASK_AGAIN; a
    picture is decoded only when its bytes are new. What was refused and did not change stays in the report. A picture
    that cannot be had or read today keeps the copy of an earlier day, and so does one that `gate` holds back.

    Raises:
        WorkspaceError: a copy cannot be written; nothing is taken as refused then.
    """
    new = 0
    refused: list[Refusal] = []

    def keep(looks: Iterator[_Look]) -> None:
        nonlocal new
        while batch := list(islice(looks, BATCH)):
            sizes = {look.now.sha256: look.size for look in batch if look.size is not None}
            catalogue.set_references([look.now for look in batch if look.now != look.before], sizes)
            new += len(sizes)
            refused.extend(_refusal(look.now) for look in batch if look.now.refused)
            tick(len(batch))

    due: dict[str, ImageReference] = {}
    origins = catalogue.picture_references(source)
    with (
        ThreadPoolExecutor(READERS, thread_name_prefix="acquire") as pool,
        progress.step(f"pictures of {source.name}", catalogue.count_references(source)) as tick,
    ):
        while page := list(islice(origins, STAT_BATCH)):
            changed: list[ImageReference] = []
            settled = 0
            for origin in page:
                if _is_url(origin.reference):
                    if _is_due(origin, store, today):
                        due[origin.reference] = origin
                        continue
                elif not _is_unchanged(origin, store):
                    changed.append(origin)
                    continue
                settled += 1
                if origin.refused:
                    refused.append(_refusal(origin))
            tick(settled)
            keep(pool.map(lambda origin: _look_at_file(origin, store, gate), changed))
        keep(_ask_for(due, store, fetch, today, gate))
    return Acquired(new, tuple(sorted(refused, key=lambda refusal: refusal.where)))


def _is_unchanged(origin: ImageReference, store: ImageStore) -> bool:
    """Whether a local reference's file is as it was when its copy was made, or when it was refused."""
    settled = origin.sha256 in store if origin.sha256 else bool(origin.refused)
    if origin.size < 0 or not settled:
        return False
    try:
        # Plain text where it can be: this is asked of every picture every night.
        status = os.stat(file_of(origin.reference) if "#" in origin.reference else origin.reference)  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return (status.st_size, status.st_mtime_ns) == (origin.size, origin.modified_ns)


def _look_at_file(origin: ImageReference, store: ImageStore, gate: ApprovingGate) -> _Look:
    """A local reference whose file is new or changed, or was not there."""
    unread = ImageReference(origin.reference, quarantined=origin.quarantined)
    try:
        status = file_of(origin.reference).stat()
        seen = ImageReference(origin.reference, size=status.st_size, modified_ns=status.st_mtime_ns)
        data = read_picture(origin.reference, DEFAULT_LIMITS.bytes)
    except ImageRefused as error:
        # It may be there tomorrow with the time of today: it is looked at again.
        return _Look(origin, _refuse(origin, unread, error.reason, str(error), store))
    except OSError as error:
        told = f"{origin.reference}: {error.strerror or error}"
        return _Look(origin, _refuse(origin, unread, "unreadable", told, store))
    return _keep(origin, seen, data, store, gate)


def _ask_for(
    due: dict[str, ImageReference], store: ImageStore, fetch: Fetch, today: date, gate: ApprovingGate
) -> Iterator[_Look]:
    """Remote references that are due."""
    turns = FairScheduler(due)
    for outcome in fetch(_request(due[url], store) for url in turns) if due else ():
        turns.answered(outcome.request.url)
        origin = due[outcome.request.url]
        asked = replace(origin, asked_on=today.isoformat(), refused="", message="")
        match outcome:
            case NotModified():
                yield _Look(origin, asked)
            case FetchRefused(reason=reason, message=message, transient=transient):
                # What may work tomorrow is asked for tomorrow.
                on = "" if transient else asked.asked_on
                yield _Look(origin, replace(asked, asked_on=on, refused=str(reason), message=message))
            case Fetched(data=data, etag=etag, last_modified=last_modified):
                seen = ImageReference(
                    origin.reference, etag=etag, last_modified=last_modified, asked_on=asked.asked_on, size=len(data)
                )
                yield _keep(origin, seen, data, store, gate)


def _request(origin: ImageReference, store: ImageStore) -> Request:
    """What to ask: whether the copy at hand is still the right one, or, without a copy, for the picture."""
    if origin.sha256 not in store:
        return Request(origin.reference)
    return Request(origin.reference, origin.etag, origin.last_modified)


def _keep(before: ImageReference, seen: ImageReference, data: bytes, store: ImageStore, gate: ApprovingGate) -> _Look:
    """Make a copy of bytes that are new here."""
    sha256 = hashlib.sha256(data).hexdigest()
    # What is refused goes without its tags, so that a server is not asked whether it, too, has changed.
    untagged = replace(seen, etag="", last_modified="")
    kept = sha256 in store
    if kept and not gate.needs_check(sha256):
        return _Look(before, replace(seen, sha256=sha256))
    try:
        image = decode(data, small_side=LONG_SIDE)
    except ImageRefused as error:
        return _Look(before, _refuse(before, untagged, error.reason, f"{seen.reference}: {error}", store))
    if not (verdict := gate.check(sha256, image)).passes:
        why = f"{seen.reference}: it seems to show a {verdict.reason} ({verdict.score:.2f}) and is held for a curator"
        let_in = f"who can let it in with `traceobject allow {sha256}`"
        stopped = replace(untagged, quarantined=sha256)
        return _Look(before, _refuse(before, stopped, verdict.reason, f"{why}, {let_in}", store))
    if kept:
        return _Look(before, replace(seen, sha256=sha256))
    store.add(sha256, normalised_copy(image, LONG_SIDE))
    return _Look(before, replace(seen, sha256=sha256), (image.shape[1], image.shape[0]))


def _refuse(
    before: ImageReference, seen: ImageReference, reason: str, message: str, store: ImageStore
) -> ImageReference:
    """What cannot be had or read keeps the image of an earlier day: a broken upload does not empty the index."""
    kept = before.sha256 if before.sha256 in store else ""
    return replace(seen, sha256=kept, refused=reason, message=message)


def _refusal(origin: ImageReference) -> Refusal:
    return Refusal(origin.reference, origin.refused, origin.message)


def _is_due(origin: ImageReference, store: ImageStore, today: date) -> bool:
    if not origin.asked_on or (origin.sha256 and origin.sha256 not in store):
        return True
    return today - date.fromisoformat(origin.asked_on) >= ASK_AGAIN


def _is_url(reference: str) -> bool:
    return reference.startswith(("http://", "https://"))
