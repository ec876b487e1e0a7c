"""Picture references into the image store: what changed is read or fetched, decoded, and kept as a normalised copy."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

from embedding.errors import ImageRefused
from embedding.image.decode import DEFAULT_LIMITS, decode
from index.progress import Progress
from index.records.catalogue import Catalogue, ImageReference, Source
from index.records.feed_records import Refusal
from index.sources.copying import LONG_SIDE, Copied, Copying, Original
from index.sources.feeds.pictures import file_of, read_picture
from index.sources.fetching.outcomes import Fetched, FetchRefused, NotModified, Outcome, Request
from index.sources.fetching.scheduler import FairScheduler
from index.sources.gate import ApprovingGate, Verdict, object_references
from index.sources.remote_address import is_remote
from index.stores.images import ImageStore
from index.workers.in_process import InProcess
from index.workers.protocol import WORKER_LOST, Workers

BATCH = 256
# Files are checked for changes in larger batches than they are read: a stat is far cheaper.
STAT_BATCH = 4096
# A shop gives a new picture a new URL: asking for every known one every night would burden it for nothing.
ASK_AGAIN = timedelta(days=7)

OPEN = ApprovingGate()
IN_PROCESS = InProcess()

Fetch = Callable[[Iterable[Request]], Iterator[Outcome]]


@dataclass(frozen=True)
class Acquired:
    """What became of a source's pictures: how many are new here, and those that could not be used today."""

    new: int
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class _Result:
    """A reference before and after it was read, and width and height where a copy was made."""

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
    *,
    remote: bool = False,
    workers: Workers = IN_PROCESS,
) -> Acquired:
    """Bring every picture of a source's current entries into the store.

    A file is read again only when its size or time changed, a URL asked again, conditionally, after ASK_AGAIN; a
    picture is decoded only when its bytes are new. What was refused and did not change stays in the report. A picture
    that cannot be had or read today keeps the copy of an earlier day.

    `gate` checks the pictures that an object names, also where a catalogue names them too. One that it stops keeps the
    copy of an earlier day if that passed.

    A feed from the web (`remote`) is written by strangers: a file of this machine that it names is not read.

    Files and URLs are read here, and decoded by `workers`: so a host is asked by one machine alone, and politely.

    Raises:
        WorkspaceError: a copy cannot be written; nothing is taken as refused then.
    """
    new: set[str] = set()
    refused: list[Refusal] = []

    def keep(read: Iterable[_Result | Original]) -> None:
        for batch in _copied(read, store, Copying(store, gate.gate), workers):
            sizes = {result.now.sha256: result.size for result in batch if result.size is not None}
            catalogue.set_references([result.now for result in batch if result.now != result.before], sizes)
            new.update(sizes)
            refused.extend(_refusal(result.now) for result in batch if result.now.refused)
            tick(len(batch))

    def guard(known: ImageReference) -> ApprovingGate:
        return gate if known.reference in of_objects else OPEN

    due: dict[str, ImageReference] = {}
    of_objects = frozenset() if gate.is_open else object_references(catalogue)
    references = catalogue.picture_references(source)
    with progress.step(f"pictures of {source.name}", catalogue.count_references(source)) as tick:
        while page := list(islice(references, STAT_BATCH)):
            changed: list[ImageReference] = []
            settled = 0
            for known in _gated(page, of_objects, catalogue, store, gate):
                released = bool(known.quarantined) and not gate.is_open and known.reference not in of_objects
                if is_remote(known.reference):
                    if released or _is_due(known, store, today):
                        due[known.reference] = known
                        continue
                elif remote:
                    message = f"{known.reference}: a feed from the web names a file of this machine, which is not read"
                    refused.append(Refusal(known.reference, "local-file", message))
                elif released or not _is_unchanged(known, store):
                    changed.append(known)
                    continue
                settled += 1
                if known.refused:
                    refused.append(_refusal(known))
            tick(settled)
            keep(_read_file(known, store, guard(known)) for known in changed)
        keep(_fetch_due(due, store, fetch, today, guard, tdm=source.collection == "catalogue"))
    return Acquired(len(new), tuple(sorted(refused, key=lambda refusal: refusal.where)))


def _gated(
    page: list[ImageReference], of_objects: frozenset[str], catalogue: Catalogue, store: ImageStore, gate: ApprovingGate
) -> list[ImageReference]:
    """The references of a page, after the gate checked the copies of those that only a catalogue named until now."""
    checked = {
        known.reference: _check_copy(known, store, gate)
        for known in page
        if known.reference in of_objects and not known.gated and known.sha256 in store
    }
    catalogue.set_references(list(checked.values()), {})
    return [checked.get(known.reference, known) for known in page]


def _check_copy(known: ImageReference, store: ImageStore, gate: ApprovingGate) -> ImageReference:
    try:
        verdict = gate.check(known.sha256, decode(store.read(known.sha256), small_side=LONG_SIDE))
    except (ImageRefused, OSError):
        # A damaged copy is made anew from the original, which is checked then.
        return replace(known, sha256="", size=-1, asked_on="", etag="", last_modified="")
    return replace(known, gated=True) if verdict.passes else _stopped(known, known.sha256, verdict)


def _stopped(seen: ImageReference, sha256: str, verdict: Verdict) -> ImageReference:
    """A reference whose image the gate stopped; without its validators, for it is requested in full the next time."""
    why = f"{seen.reference}: it seems to show a {verdict.reason} ({verdict.score:.2f}) and is held for a curator"
    return replace(
        seen,
        sha256="",
        etag="",
        last_modified="",
        refused=verdict.reason,
        message=f"{why}, who can let it in with `traceobject allow {sha256}`",
        quarantined=sha256,
        gated=False,
    )


def _is_unchanged(known: ImageReference, store: ImageStore) -> bool:
    """Whether a local reference's file is as it was when its copy was made, or when it was refused."""
    settled = known.sha256 in store if known.sha256 else bool(known.refused)
    if known.size < 0 or not settled:
        return False
    try:
        # os.stat on the text: a Path for every picture of every night would cost more than the call.
        plain = known.reference.isascii() and "#" not in known.reference
        status = os.stat(known.reference if plain else file_of(known.reference))  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return (status.st_size, status.st_mtime_ns) == (known.size, known.modified_ns)


def _read_file(known: ImageReference, store: ImageStore, gate: ApprovingGate) -> _Result | Original:
    """A local reference whose file is new or changed, or was not there."""
    unread = ImageReference(known.reference, quarantined=known.quarantined)
    try:
        status = file_of(known.reference).stat()
        seen = ImageReference(known.reference, size=status.st_size, modified_ns=status.st_mtime_ns)
        data = read_picture(known.reference, DEFAULT_LIMITS.bytes)
    except ImageRefused as error:
        # Size and time are not noted: it may appear with an old time of change, and has to be read then.
        return _Result(known, _refuse(known, unread, error.reason, str(error), store))
    except OSError as error:
        message = f"{known.reference}: {error.strerror or error}"
        return _Result(known, _refuse(known, unread, "unreadable", message, store))
    return _to_copy(known, seen, data, store, gate)


def _fetch_due(
    due: dict[str, ImageReference],
    store: ImageStore,
    fetch: Fetch,
    today: date,
    guard: Callable[[ImageReference], ApprovingGate],
    *,
    tdm: bool,
) -> Iterator[_Result | Original]:
    """Remote references that are due."""
    urls = FairScheduler(due)
    for outcome in fetch(_request(due[url], store, tdm) for url in urls) if due else ():
        urls.answered(outcome.request.url)
        known = due[outcome.request.url]
        asked = replace(known, asked_on=today.isoformat(), refused="", message="")
        match outcome:
            case NotModified():
                yield _Result(known, asked)
            case FetchRefused(reason=reason, message=message, transient=transient):
                # A transient failure is tried again by the next reading.
                on = "" if transient else asked.asked_on
                yield _Result(known, replace(asked, asked_on=on, refused=str(reason), message=message))
            case Fetched(data=data, etag=etag, last_modified=last_modified):
                seen = ImageReference(
                    known.reference, etag=etag, last_modified=last_modified, asked_on=asked.asked_on, size=len(data)
                )
                yield _to_copy(known, seen, data, store, guard(known))


def _request(known: ImageReference, store: ImageStore, tdm: bool) -> Request:
    """What to ask: whether the copy at hand is still the right one, or, without a copy, for the picture."""
    if known.sha256 not in store:
        return Request(known.reference, tdm=tdm)
    return Request(known.reference, known.etag, known.last_modified, tdm)


def _to_copy(
    before: ImageReference, seen: ImageReference, data: bytes, store: ImageStore, gate: ApprovingGate
) -> _Result | Original:
    """Bytes that are new here, to be copied; or, where they are not, the result."""
    sha256 = hashlib.sha256(data).hexdigest()
    passed = replace(seen, sha256=sha256, gated=not gate.is_open)
    is_kept, check = sha256 in store, gate.needs_check(sha256)
    return _Result(before, passed) if is_kept and not check else Original(before, passed, sha256, data, check, is_kept)


def _copied(
    read: Iterable[_Result | Original], store: ImageStore, copying: Copying, workers: Workers
) -> Iterator[list[_Result]]:
    """The results of what was read, in batches, after originals were copied."""
    source, ended, settled = iter(read), False, list[_Result]()

    def originals() -> Iterator[Original]:
        # Ends early where hardly anything is new, so that what is known is written down in time.
        nonlocal ended
        while len(settled) < BATCH:
            each = next(source, None)
            if each is None:
                ended = True
                return
            if isinstance(each, Original):
                yield each
            else:
                settled.append(each)

    while not ended:
        with closing(workers.run(copying, originals())) as batches:
            for batch in batches:
                yield [_result_of(original, copied, store) for original, copied in batch]
        yield settled
        settled.clear()


def _result_of(original: Original, copied: Copied | ImageRefused, store: ImageStore) -> _Result:
    before, passed = original.before, original.seen
    seen = replace(passed, sha256="", gated=False)
    if isinstance(copied, ImageRefused):
        # Without its validators: a refused picture is requested in full the next time.
        seen = replace(seen, etag="", last_modified="")
        if copied.reason == WORKER_LOST:
            seen = replace(seen, size=-1, asked_on="")
        return _Result(before, _refuse(before, seen, copied.reason, f"{seen.reference}: {copied}", store))
    if not copied.verdict.passes:
        stopped = _stopped(seen, original.sha256, copied.verdict)
        earlier = before if before.gated and before.sha256 != original.sha256 else replace(before, sha256="")
        return _Result(before, _refuse(earlier, stopped, stopped.refused, stopped.message, store))
    if copied.size is not None:
        store.note_added(original.sha256)
    return _Result(before, passed, copied.size)


def _refuse(
    before: ImageReference, seen: ImageReference, reason: str, message: str, store: ImageStore
) -> ImageReference:
    """What cannot be had or read keeps the image of an earlier day: a broken upload removes nothing from the index."""
    kept = before.sha256 if before.sha256 in store else ""
    return replace(seen, sha256=kept, refused=reason, message=message, gated=bool(kept) and before.gated)


def _refusal(known: ImageReference) -> Refusal:
    return Refusal(known.reference, known.refused, known.message)


def _is_due(known: ImageReference, store: ImageStore, today: date) -> bool:
    if not known.asked_on or (known.sha256 and known.sha256 not in store):
        return True
    # A day that is still to come was written by a clock that was ahead.
    return not timedelta(0) <= today - date.fromisoformat(known.asked_on) < ASK_AGAIN
