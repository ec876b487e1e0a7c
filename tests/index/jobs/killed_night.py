"""One re-index in its own process, slowed down a little, with its events counted, so that it can be killed at any."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

from index.errors import WorkspaceError
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed

BATCH = 4
FIRST = date(2026, 1, 5)
DONE, FAILED = 0, 9
# Functions during which a crash could happen, and the name under which a kill there is counted.
POINTS = {
    "index.records.catalogue.Catalogue.record": "reading",
    "index.records.catalogue.Catalogue.finish_reading": "reading",
    "index.stores.images.ImageStore.add": "pictures",
    "index.records.catalogue.Catalogue.set_references": "pictures",
    "index.jobs.retention.expire": "retention",
    "index.stores.shards.ShardedRows._begin_shard": "append",
    "index.stores.shards.ShardedRows._write": "append",
    "index.stores.shards.ShardedRows.discard": "sweep",
    "index.engines.faiss_engine.FaissEngine.save": "build",
    "index.jobs.build.write_snapshot": "build",
    "index.generations.generations.checksum": "build",
    "index.generations.generations.seal": "seal",
    "index.generations.generations.publish": "publish",
    "index.coordination.folder.FolderCoordination.point": "publish",
    "index.jobs.reindex.sweep": "sweep",
    "os.fsync": "flush",
    "os.truncate": "flush",
    "pathlib.Path.rename": "rename",
    "pathlib.Path.replace": "rename",
    "pathlib.Path.unlink": "delete",
    "shutil.rmtree": "delete",
}


def products(night: int) -> dict[str, int]:
    """The products of a night, with the seed of each picture: some are new, some are gone, some have another picture.

    Too few for a self-test, which would encode further pictures.
    """
    return {
        f"p{n}": 100 * (n % 5 == night % 5 and night > 0) * night + n
        for n in range(12 + 2 * (night % 6))
        if n % 7 != night % 7 or night == 0
    }


def deliver(workspace: Workspace, folder: Path, night: int) -> None:
    """Write the feeds of a night; a picture always has the same file."""
    sold = products(night)
    rows = [{"product_id": product, "title": f"{product} in night {night}"} for product in sold]
    add_feed(workspace, "shop", "catalogue", write_feed(folder / "shop", rows, list(sold.values())))
    crops = [{"object_id": f"E-{n}", "status": "open"} for n in range(3)]
    add_feed(workspace, "Europol", "objects", write_feed(folder / "list", crops, [900, 901, 902 + night]))


def settings(workspace: Workspace) -> Workspace:
    """A workspace whose discontinued products are deleted after two nights."""
    path = workspace.root / "traceobject.toml"
    path.write_text(path.read_text().replace("retention_days = 0", "retention_days = 2"))
    return Workspace.open(workspace.root)


class LoggingEncoder(ColourEncoder):
    """Logs the pictures that it encodes, a line for each batch, before they are encoded."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = log

    def encode_images(self, images):
        digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
        with self._log.open("a") as file:
            file.write(json.dumps(digests) + "\n")
        return super().encode_images(images)


def batches(log: Path) -> list[list[str]]:
    """The log of a LoggingEncoder."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def night(
    root: Path,
    number: int,
    log: Path,
    outcome: Path,
    stage,
    die_in: tuple[str, int] = ("", 0),
    pause: float = 0.0003,
    largest: int = 0,
) -> None:
    """Run one night, and end the process: DONE, FAILED with the reason in `outcome`, or killed.

    `stage` is a shared array of characters: the point that was entered last. `die_in` names a point (any, if it is
    empty) and at which of its events the process kills itself: entering and leaving are an event each. `largest` is
    the greatest size of a file in bytes.
    """
    events: Counter[str] = Counter()

    def event(name: str) -> None:
        stage.value = name.encode()
        for counted in (name, ""):
            events[counted] += 1
            if (counted, events[counted]) == die_in:
                os.kill(os.getpid(), signal.SIGKILL)
        _spin(pause)

    def wrap(real: Callable, name: str) -> Callable:
        def wrapped(*arguments, **options):
            event(name)
            result = real(*arguments, **options)
            event(name)
            return result

        return wrapped

    for target, name in POINTS.items():
        where, _, what = target.rpartition(".")
        owner = _resolve(where)
        setattr(owner, what, wrap(getattr(owner, what), name))
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    workspace = Workspace.open(root)
    day = FIRST + timedelta(number)
    with patch("index.jobs.embed.CPU_BATCH", BATCH):
        try:
            reindex(workspace, LoggingEncoder(log), Unwatched(), today=day)
        except WorkspaceError as error:
            outcome.write_text(str(error))
            os._exit(FAILED)
    outcome.write_text(str(events[""]))
    os._exit(DONE)


def _spin(seconds: float) -> None:
    """Busy-wait, because on a busy machine even a short sleep takes long."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def _resolve(path: str) -> object:
    import importlib

    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ImportError(path)


class Nights:
    """Starts nights in new processes that have everything imported already."""

    def __init__(self, folder: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.index.jobs.killed_night"])
        self.log, self.outcome = folder / "encoded.log", folder / "outcome.txt"
        self._stage = self._context.Array("c", 32)

    def start(self, root: Path, number: int, **options):
        self._stage.value = b"start"
        process = self._context.Process(
            target=night, args=(root, number, self.log, self.outcome, self._stage), kwargs=options
        )
        process.start()
        return process

    def kill_after(self, process, seconds: float) -> None:
        """Kill a night some time after its first event, unless it has ended by then."""
        while self.stage == "start" and process.is_alive():
            time.sleep(0.001)
        process.join(seconds)
        process.kill()
        process.join()

    @property
    def stage(self) -> str:
        return self._stage.value.decode()

    def embedded(self) -> list[list[str]]:
        """Every batch that was encoded, in order."""
        return batches(self.log)
