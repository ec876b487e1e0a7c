"""What a Ray worker does: one partition of a stage, computed and staged."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray

import embedding
import index
from embedding.encoders.openvino.inference import limit_cores
from index.errors import WorkersUnavailable
from index.workers.protocol import Item

# The processors of a partition. Ray tells OpenMP, so PyTorch too, to use so many; OpenVINO is told here.
CORES = 1


def compute_partition(digest: str, sent: Sequence[Any], items: list[Item]) -> str:
    """Compute a partition of the stage that was sent; returns the key of the staged shard.

    Args:
        digest: the `code_digest` of the process that started the job.
        sent: one reference to stage, staging and a key that is in it; in a list, so that it is unpickled only after the
            versions were compared.

    Raises:
        WorkersUnavailable: this machine has another version, or another folder, or the stage failed.
    """
    if digest != code_digest():
        raise _failed(
            f"its traceobject ({version('traceobject')}) differs from the one where the job was started: install the "
            "same on every machine, and restart Ray there"
        )
    limit_cores(CORES)
    stage, staging, marker = ray.get(sent[0])
    try:
        if not staging.objects.exists(marker):
            raise _failed(
                f"it does not see the job's {staging.objects.name}: mount the same folder there at the same path, or "
                "keep pictures in an object store (the setting `objects`)"
            )
        return str(staging.write(stage, [each for batch in stage.compute(items) for each in batch]))
    except WorkersUnavailable:
        raise
    except Exception as error:
        # Of any type, also one that cannot be pickled; Ray's log on that machine has where it was raised.
        raise _failed(f"{type(error).__name__}: {error}") from error


@cache
def code_digest() -> str:
    """A digest of the code that computes stages, in this process."""
    digest = hashlib.sha256()
    for package in (embedding, index):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)} ".encode() + path.read_bytes())
    return digest.hexdigest()


def _failed(why: str) -> WorkersUnavailable:
    return WorkersUnavailable(f"the worker on {socket.gethostname()} cannot compute: {why}")
