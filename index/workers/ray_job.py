"""One stage on Ray: partitions are sent to workers and awaited, and their staged results read."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from index.errors import WorkersUnavailable
from index.workers.protocol import Batch, Done, Item, Stage
from index.workers.ray_task import CORES, code_digest, compute_partition
from index.workers.staging import STAGING, Staging

LOST = (WorkerCrashedError, NodeDiedError, OutOfMemoryError)
"""A partition's worker was lost, and so were all that Ray gave it to afterwards."""

# How often Ray gives a partition to another worker.
_RETRIES = 3
# A CUDA device computes several times as much in the same time.
_GPU_PARTITIONS = 8
_POLL_SECONDS = 10.0
# How long a job waits for the first worker to join, or for the last one to come back.
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Partition(Generic[Item]):
    """Items for one worker, and Ray's reference to its answer; None where an earlier run staged all of them."""

    items: list[Item]
    answer: Any


class RayJob(Generic[Item, Done]):
    """A stage that is being computed. What it raises is WorkersUnavailable, but for LOST."""

    def __init__(self, stage: Stage[Item, Done], staging: Staging, where: str, say: Callable[[str], None]) -> None:
        self.where = staging.objects.name
        self._stage, self._staging, self._ray, self._say = stage, staging, where, say
        # Workers look for it, because they might have a folder of the same name that is another.
        self._marker = f"{STAGING}/{secrets.token_hex(16)}"
        staging.objects.put(self._marker, b"")
        self._left = staging.left(stage)
        self._all_left = set(self._left.values())
        self._counted_at = float("-inf")
        with self._translated():
            gpu = stage.on_gpu and _count("GPU") > 0
            self._kind = "GPU" if gpu else "CPU"
            self._sent = ray.put((stage, staging, self._marker))
        self.partition = stage.partition * (_GPU_PARTITIONS if gpu else 1)
        # Without a limit of calls a worker keeps the model that it has loaded.
        self._task: Any = ray.remote(num_cpus=CORES, num_gpus=int(gpu), max_calls=0, max_retries=_RETRIES)(
            compute_partition
        )

    def processors(self) -> int:
        """How many partitions can be computed at once; 0 while no worker is there."""
        if time.monotonic() - self._counted_at > _POLL_SECONDS:
            with self._translated():
                self._processors = _count(self._kind)
            self._counted_at = time.monotonic()
        return self._processors

    def submit(self, items: list[Item]) -> Partition[Item]:
        """Send the items that no earlier run has staged."""
        fresh = [item for item in items if self._stage.key(item) not in self._left]
        with self._translated():
            return Partition(items, self._task.remote(code_digest(), [self._sent], fresh) if fresh else None)

    def is_done(self, part: Partition[Item]) -> bool:
        """Whether `wait` would return at once."""
        with self._translated():
            return part.answer is None or bool(ray.wait([part.answer], timeout=0)[0])

    def wait(self, part: Partition[Item]) -> str | None:
        """The key of the shard that a partition was staged in; None where nothing had to be computed.

        Raises:
            LOST: see there.
        """
        if part.answer is None:
            return None
        last_seen, said = time.monotonic(), False
        while True:
            with self._translated():
                if ray.wait([part.answer], timeout=_POLL_SECONDS)[0]:
                    return str(ray.get(part.answer))
            if self.processors():
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > PATIENCE_SECONDS:
                raise WorkersUnavailable(
                    f"Ray at {self._ray} has had no workers for {PATIENCE_SECONDS / 60:.0f} minutes: start some, and "
                    "run again; it resumes where it stopped"
                )
            elif not said:
                said = True
                self._say(f"waiting for workers to join Ray at {self._ray}")

    def read(self, part: Partition[Item], shard: str | None) -> Batch[Item, Done] | None:
        """The results of a partition; None where what was staged is damaged or gone, which is then forgotten."""
        keys = [self._stage.key(item) for item in part.items]
        shards = {self._left[key] for key in keys if key in self._left} | ({shard} if shard else set())
        found = {key: done for each in sorted(shards) for key, done in self._staging.read(self._stage, each).items()}
        if all(key in found for key in keys):
            return [(item, found[key]) for item, key in zip(part.items, keys, strict=True)]
        self._left = {key: each for key, each in self._left.items() if each not in shards}
        return None

    def delete(self, shard: str | None) -> None:
        """Delete a shard, whose results are stored."""
        self._staging.objects.delete([shard] if shard else [])

    def delete_left(self) -> None:
        """Delete what earlier runs staged, after all of the stage was computed."""
        self._staging.objects.delete(self._all_left)

    def close(self, window: Iterable[Partition[Item]]) -> None:
        """Cancel partitions that are not needed any more."""
        with suppress(WorkersUnavailable), self._translated():
            for part in window:
                if part.answer is not None:
                    ray.cancel(part.answer)
        self._staging.objects.delete([self._marker])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except LOST:
            raise
        except RayTaskError as error:
            if isinstance(error.cause, WorkersUnavailable):
                raise WorkersUnavailable(str(error.cause)) from error
            raise WorkersUnavailable(
                f"a worker of {self._ray} cannot compute: {line_of(error.cause or error)}. It needs the "
                "same versions of traceobject and its libraries as this machine"
            ) from error
        except Exception as error:
            # Once its client is disconnected Ray raises a plain Exception.
            if not isinstance(error, RayError | ConnectionError) and ray.is_initialized():
                raise
            raise WorkersUnavailable(
                f"Ray at {self._ray} is lost: {line_of(error)}. Start its head, and run again: it resumes where it "
                "stopped"
            ) from error


def _count(kind: str) -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return int(resources.get(kind, 0))


def line_of(error: BaseException) -> str:
    """The line of an error that says what happened: Ray's are long, and may have a traceback; or its type."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1 if any(line.startswith("Traceback ") for line in lines) else 0].strip(" .")[:300]
