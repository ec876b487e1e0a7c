"""From the bytes of a picture, past the gate, to its normalised copy in the image store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from embedding.image.decode import decode
from embedding.image.normalised_copy import normalised_copy
from index.records.catalogue import ImageReference
from index.sources.gate import PASSED, Gate, Verdict
from index.stores.images import ImageStore
from index.workers.batches import map_batches
from index.workers.protocol import Batch

# Enough for local features and for a person to compare; the models' inputs are 224 to 512.
LONG_SIDE = 1024
BATCH, THREADS = 64, 2


@dataclass(frozen=True)
class Original:
    """A picture as it was read, and its reference before and after that.

    `check`: the gate has to pass it. `is_kept`: there is a copy of these bytes already.
    """

    before: ImageReference
    seen: ImageReference
    sha256: str
    data: bytes = field(repr=False)
    check: bool
    is_kept: bool


@dataclass(frozen=True)
class Copied:
    """What became of an original: the gate's verdict, and width and height of the copy where one was made."""

    verdict: Verdict
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Copying:
    """The stage from an original to its copy, which is in the store when the result is there."""

    images: ImageStore
    gate: Gate | None
    name: str = "copies"
    partition: int = 32
    on_gpu: bool = False

    def key(self, item: Original) -> str:
        """The image, and what has to be done."""
        return f"{item.sha256}{'-checked' * item.check}{'-kept' * item.is_kept}"

    def compute(self, items: Iterable[Original]) -> Iterator[Batch[Original, Copied]]:
        """See Stage.compute."""
        return map_batches(self._copy, items, batch=BATCH, threads=THREADS)

    def pack(self, done: Copied) -> bytes:
        """As JSON."""
        return json.dumps(asdict(done)).encode()

    def unpack(self, data: bytes) -> Copied:
        """See `pack`."""
        read = json.loads(data)
        return Copied(Verdict(**read["verdict"]), tuple(read["size"]) if read["size"] else None)

    def _copy(self, item: Original) -> Copied:
        """Raises ImageRefused, and WorkspaceError where the copy cannot be written."""
        image = decode(item.data, small_side=LONG_SIDE)
        verdict = self.gate.check(image) if self.gate is not None and item.check else PASSED
        if item.is_kept or not verdict.passes:
            return Copied(verdict)
        self.images.add(item.sha256, normalised_copy(image, LONG_SIDE))
        return Copied(verdict, (image.shape[1], image.shape[0]))
