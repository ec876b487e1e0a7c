"""Picture references into the image store: what changed is read, decoded and kept as a normalised copy."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.decode import DEFAULT_LIMITS, decode

from embedding.errors import ImageRefused
from embedding.normalised_copy import normalised_copy
from index.catalogue import Catalogue, Origin, Source
from index.images import ImageStore
from index.progress import Progress
from index.records import Refusal

BATCH = 256
# Enough for local features and for an investigator's eye; the models want 224 to 512.
LONG_SIDE = 1024
READERS = 2


@dataclass(frozen=True)
class Acquired:
    """What became of a source's pictures: how many are new here, and those that could not be used."""

    new: int
    refused: tuple[Refusal, ...]


def acquire(source: Source, catalogue: Catalogue, store: ImageStore, progress: Progress) -> Acquired:
    """Bring every picture of a source's current entries into the store.

    A file is read again only when its size or time changed; a picture is decoded only when its bytes are new. What was
    refused and did not change is not tried again, but stays in the report.
    """
    origins = list(catalogue.picture_origins(source))
    new, refused = 0, []
    with (
        ThreadPoolExecutor(READERS, thread_name_prefix="acquire") as pool,
        progress.step(f"pictures of {source.name}", len(origins)) as tick,
    ):
        for start in range(0, len(origins), BATCH):
            batch = origins[start : start + BATCH]
            looked = list(pool.map(lambda origin: _look(origin, store), batch))
            changed = [(now, size) for before, (now, size) in zip(batch, looked, strict=True) if now != before]
            catalogue.set_origins(
                [now for now, _ in changed], {now.sha256: size for now, size in changed if size is not None}
            )
            new += sum(size is not None for _, size in changed)
            refused += [Refusal(now.reference, now.refused, now.message) for now, _ in looked if now.refused]
            tick(len(batch))
    return Acquired(new, tuple(refused))


def _look(origin: Origin, store: ImageStore) -> tuple[Origin, tuple[int, int] | None]:
    """What a reference is now; with width and height if its bytes were not in the store."""
    blank = Origin(origin.reference)
    if origin.reference.startswith(("http://", "https://")):
        return replace(blank, refused="remote", message="pictures behind URLs are not fetched: save them locally"), None
    path = Path(origin.reference)
    try:
        status = path.stat()
        unchanged = (status.st_size, status.st_mtime_ns) == (origin.size, origin.modified_ns)
        if unchanged and (origin.refused or origin.sha256 in store):
            return origin, None
        seen = replace(blank, size=status.st_size, modified_ns=status.st_mtime_ns)
        return _keep(path, seen, store)
    except OSError as error:
        return replace(blank, refused="unreadable", message=f"{path}: {error.strerror or error}"), None


def _keep(path: Path, seen: Origin, store: ImageStore) -> tuple[Origin, tuple[int, int] | None]:
    if seen.size > DEFAULT_LIMITS.bytes:
        message = f"{path}: {seen.size} bytes, at most {DEFAULT_LIMITS.bytes} are read: make it smaller"
        return replace(seen, refused="too_large_bytes", message=message), None
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 in store:
        return replace(seen, sha256=sha256), None
    try:
        image = decode(data, small_side=LONG_SIDE)
    except ImageRefused as error:
        return replace(seen, refused=error.reason, message=f"{path}: {error}"), None
    store.add(sha256, normalised_copy(image, LONG_SIDE))
    return replace(seen, sha256=sha256), (image.shape[1], image.shape[0])
