"""The workers that a command names; Ray is imported for nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from index.errors import WorkersUnavailable
from index.stores.objects.protocol import ObjectStore
from index.workers.in_process import InProcess
from index.workers.protocol import Workers
from index.workers.staging import Staging

_CLUSTER = re.compile(r"ray://[^/\s]+:\d+")


def is_workers(where: str) -> bool:
    """Whether this says where workers are: `ray://HOST:PORT`, or a number of processes of this machine."""
    return bool(_CLUSTER.fullmatch(where)) or (where.isdecimal() and int(where) > 0)


def open_workers(where: str, objects: ObjectStore, say: Callable[[str], None]) -> AbstractContextManager[Workers]:
    """The workers there, see is_workers, staging in a workspace's objects; this process where `where` is empty.

    Raises:
        WorkersUnavailable: Ray is not installed, there is no such cluster, or it has other versions of Ray or Python.
    """
    if not where:
        return nullcontext(InProcess())
    try:
        from index.workers.ray_workers import ray_workers
    except ImportError as error:
        raise WorkersUnavailable(
            f"--workers needs Ray, which does not load here ({error}): pip install 'traceobject[ray]'"
        ) from error
    return ray_workers(where, Staging(objects), say)
