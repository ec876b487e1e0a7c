"""Stages computed by Ray (https://docs.ray.io) over partitions of pictures, on one machine or many.

A worker computes a partition and stages the result; this process, the committer, takes staged results in the order of
the partitions, and whoever asked stores them. A partition whose worker is lost is computed again by another. If this
process or Ray's head is lost, what was staged is used by the next run.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from warnings import catch_warnings

from embedding.errors import ImageRefused
from index.errors import WorkersUnavailable
from index.workers.batches import batches
from index.workers.protocol import WORKER_LOST, Batch, Done, Item, Stage
from index.workers.staging import Staging

# Ray reports its use to its makers unless told not to, and starts another cluster where its own is lost.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
import ray

from index.workers.ray_job import LOST, Partition, RayJob, line_of

# How many partitions are sent for each processor, so that none is idle while the next one is sent.
AHEAD = 2
# Ray's own memory on this machine, in bytes, and for each of its processes: pictures on their way to a worker.
_LOCAL_MEMORY, _MEMORY_EACH = 100_000_000, 20_000_000


@contextmanager
def ray_workers(where: str, staging: Staging, say: Callable[[str], None]) -> Iterator[RayWorkers]:
    """The workers of a cluster, or of this machine: see is_workers.

    Raises:
        WorkersUnavailable: there is no such cluster, or it has other versions of Ray or Python.
    """
    # What it would log of tasks and connections that fail is raised here.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {"address": where, "log_to_driver": False, "logging_level": "ERROR"}
    if where.isdecimal():
        memory = _LOCAL_MEMORY + _MEMORY_EACH * int(where)
        options |= {
            "address": "local",
            "num_cpus": int(where),
            "object_store_memory": memory,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
    try:
        # It warns of what is raised, too.
        with catch_warnings(action="ignore"):
            ray.init(**options)
    except Exception as error:
        # Ray raises errors of many types here, plain Exceptions among them.
        raise WorkersUnavailable(
            f"Ray cannot be reached or started ({where}): {line_of(error)}. Its head has to run, with the same "
            f"versions of Ray ({ray.__version__}) and Python as here, and this machine has to reach its client port"
        ) from error
    try:
        yield RayWorkers(where, staging, say)
    finally:
        ray.shutdown()


class RayWorkers:
    """Workers of the cluster that this process is connected to. Satisfies the Workers protocol."""

    def __init__(self, where: str, staging: Staging, say: Callable[[str], None]) -> None:
        self._where, self._staging, self._say = where, staging, say

    def run(self, stage: Stage[Item, Done], items: Iterable[Item]) -> Generator[Batch[Item, Done]]:
        """See Workers.run."""
        job = RayJob(stage, self._staging, self._where, self._say)
        window: deque[Partition[Item]] = deque()
        try:
            for some in batches(items, job.partition):
                window.append(job.submit(some))
                while window and (len(window) >= AHEAD * max(1, job.processors()) or job.is_done(window[0])):
                    yield from _results(job, window.popleft())
            while window:
                yield from _results(job, window.popleft())
        finally:
            job.close(window)
        job.delete_left()


def _results(job: RayJob[Item, Done], part: Partition[Item]) -> Generator[Batch[Item, Done]]:
    """The results of a partition, in its order. Where no worker survives it, they are computed by halves."""
    for _ in range(2):
        try:
            shard = job.wait(part)
        except LOST as error:
            if len(part.items) == 1:
                yield [(part.items[0], ImageRefused(WORKER_LOST, f"no worker survives it: {line_of(error)}"))]
                return
            half = len(part.items) // 2
            for some in [job.submit(part.items[:half]), job.submit(part.items[half:])]:
                yield from _results(job, some)
            return
        if (batch := job.read(part, shard)) is not None:
            yield batch
            job.delete(shard)
            return
        part = job.submit(part.items)
    raise WorkersUnavailable(f"what workers staged cannot be read back from {job.where}: check that disk or server")
