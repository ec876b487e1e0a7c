"""What each stage of a re-index costs a picture: processor seconds, bytes that are kept; and a worker a partition.

    python -m benchmarks.stage_rates ../photos --model starter [--pictures 200] [--write benchmarks/stage_rates.json]

Stages run as in a re-index, in this process, over photographs of a folder. Processor time is that of all threads: other
work on the machine hardly changes it. What a partition costs besides is the committer's processor time for a stage that
computes nothing, on a Ray of two processes. benchmarks/capacity.py plans with the result.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.nothing_changed import make_workspace
from benchmarks.report import machine
from embedding.encoders.choose import load
from embedding.errors import ImageRefused
from embedding.text.reader import OcrReader
from index.jobs.embed import Embedding
from index.jobs.make_features import Features
from index.jobs.read_text import ReadingText, UnreadImage
from index.records.catalogue import ImageReference
from index.sources.copying import Copying, Original
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from index.workers.opening import open_workers
from index.workers.protocol import Batch, Stage
from index.workspace import Workspace

PARTITIONS, PRODUCTS = 200, 5000


@dataclass(frozen=True)
class Idle:
    """A stage that computes nothing, whose results have as many bytes as an embedding."""

    name: str = "idle"
    partition: int = 256
    on_gpu: bool = False

    def key(self, item: int) -> str:
        return f"{item:064x}"

    def compute(self, items: Iterable[int]) -> Iterator[Batch[int, bytes]]:
        yield [(item, bytes(4096)) for item in items]

    def pack(self, done: bytes) -> bytes:
        return done

    def unpack(self, data: bytes) -> bytes:
        return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    paths = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    paths = paths[:: max(1, len(paths) // options.pictures)][: options.pictures]
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(paths, Path(folder), options.model)
        measured["partition seconds"] = partition_seconds(Path(folder))
        measured["record bytes"] = record_bytes(Path(folder))
    text = json.dumps({"machine": machine("openvino", "torch", "ray"), **measured}, indent=2) + "\n"
    sys.stdout.write(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


def measure(paths: list[Path], folder: Path, model: str) -> dict[str, object]:
    """Processor seconds and bytes kept of each stage, for each picture."""
    store = ImageStore(FolderObjects(folder))
    originals = [_original(path) for path in paths]
    encoder, reader = load(model), OcrReader()
    seconds: dict[str, float] = {}
    kept: dict[str, float] = {}
    seconds["copies"], done = _timed(Copying(store, None), originals)
    images = [original.sha256 for original, copied in done if not isinstance(copied, ImageRefused)]
    kept["copies"] = sum(len(store.read(image)) for image in images) / len(images)
    embedding, features, text = Embedding(store, encoder), Features(store), ReadingText(store, reader)
    unread = [UnreadImage(image, published=False) for image in images[:: max(1, len(images) // 40)]]
    stages: list[tuple[str, Stage[Any, Any], Sequence[Any]]] = [
        ("embeddings", embedding, images),
        ("local features", features, images),
        ("text", text, unread),
    ]
    for name, stage, items in stages:
        seconds[name], done = _timed(stage, items)
        results = [each for _, each in done if not isinstance(each, ImageRefused)]
        kept[name] = sum(len(stage.pack(each)) for each in results) / len(results)
    # In the store they are half as precise.
    kept["embeddings"] /= 2
    size = sum(len(original.data) for original in originals) / len(originals)
    return {
        "model": encoder.card.name,
        "dimension": encoder.card.dimension,
        "pictures": len(images),
        "original bytes": size,
        "seconds": seconds,
        "bytes": kept,
    }


def partition_seconds(folder: Path) -> float:
    """The committer's processor time from one partition to the next."""
    with open_workers("2", FolderObjects(folder / "objects"), logging.warning) as workers:
        batches = workers.run(Idle(), range(Idle().partition * (PARTITIONS + 20)))
        for _ in islice(batches, 20):
            pass
        start = time.process_time()
        for _ in batches:
            pass
        return (time.process_time() - start) / PARTITIONS


def record_bytes(folder: Path) -> dict[str, float]:
    """Bytes of a product with one picture: its records in the database, and in each generation."""
    make_workspace(folder, PRODUCTS)
    workspace = Workspace.open(folder / "workspace")
    snapshot = workspace.generations / "1" / "records.sqlite"
    return {
        "database": (workspace.root / "catalogue.sqlite").stat().st_size / PRODUCTS,
        "generation": snapshot.stat().st_size / PRODUCTS,
    }


def _original(path: Path) -> Original:
    data, reference = path.read_bytes(), ImageReference(str(path))
    return Original(reference, reference, hashlib.sha256(data).hexdigest(), data, check=False, is_kept=False)


def _timed(stage: Stage[Any, Any], items: Sequence[Any]) -> tuple[float, list[tuple[Any, Any]]]:
    """Processor seconds an item, and the results, after a first few that load networks."""
    for _ in stage.compute(items[:2]):
        pass
    start = time.process_time()
    done = [pair for batch in stage.compute(items) for pair in batch]
    return (time.process_time() - start) / len(items), done


if __name__ == "__main__":
    main()
