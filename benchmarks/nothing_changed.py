"""The cost of a re-index that finds nothing changed.

    python -m benchmarks.nothing_changed [--pictures 100000] [--folder DIR] [--report PAGE]

A catalogue of that many products, a picture file each, is laid out in a temporary folder together with its copies,
embeddings (of the starter model's length), local features (16 kB each) and a published generation, as if it had been
indexed long ago; no text is read. Then `traceobject reindex` runs three times, each in a process of its own. The
reference is one `stat` of every picture file and every copy, in the same run; the ratio is of CPU time, seconds are
medians, memory the peak.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.report import machine, page_for, table, write_part
from embedding.encoders import registry
from embedding.encoders.choose import preferred
from embedding.encoders.protocol import Encoder
from embedding.local import RECORD_BYTES
from embedding.views import CATALOGUE_VIEWS
from index.engines.faiss_engine import FaissEngine
from index.generations import generations
from index.generations.manifest import CollectionPart, Manifest
from index.generations.snapshot import IndexedView, write_snapshot
from index.jobs.reindex import content_of
from index.models import LazyEncoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue, ImageReference
from index.records.feed_records import COLLECTIONS
from index.search.ranking_digest import search_parameters_digest
from index.sources.ingest import ingest
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore
from index.workspace import Workspace

CHUNK = 10_000


def make_workspace(root: Path, count: int) -> None:
    """Make the workspace, as if it had been indexed long ago."""
    card = preferred(registry.get(registry.STARTER))
    created = Workspace.create(root / "workspace", card.name)
    without_text = replace(created, settings=replace(created.settings, text="off"))
    workspace = without_text.pin_model(card.name, card.sha256 or "", "benchmark")
    store = ImageStore(workspace.objects)
    names, files = _names(count), _files(root, count)
    files[0].parent.mkdir()
    for file, name in zip(files, names, strict=True):
        file.write_bytes(name.encode())
        store.add(name, b"copy")
    with (root / "feed.csv").open("w", newline="", encoding="utf-8") as feed:
        writer = csv.writer(feed)
        writer.writerow(("path", "product_id", "title", "brand", "price"))
        writer.writerows((file, f"P-{n}", f"Thing {n}", f"Brand {n % 50}", "9.00") for n, file in enumerate(files))
    vectors = VectorStore.open(workspace.objects, card)
    features, record = FeatureStore(workspace.objects, store), np.zeros(RECORD_BYTES, np.uint8)
    random = np.random.default_rng(0)
    with Catalogue.open(workspace.database_url) as catalogue:
        source = catalogue.add_source("shop", "catalogue", str(root / "feed.csv"), "csv")
        ingest(source, catalogue, datetime.now(UTC).date(), Unwatched())
        for start in range(0, count, CHUNK):
            part = range(start, min(start + CHUNK, count))
            statuses = [(files[n].stat(), n) for n in part]
            catalogue.set_references(
                [ImageReference(str(files[n]), names[n], status.st_size, status.st_mtime_ns) for status, n in statuses],
                {names[n]: (1, 1) for n in part},
            )
            rows = random.normal(size=(len(part), card.dimension)).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            vectors.append([RowKey(names[n], CATALOGUE_VIEWS[0]) for n in part], rows)
            features.append({names[n]: record for n in part})
        publish(workspace, catalogue, vectors, LazyEncoder(card, _never))


def _names(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def _files(root: Path, count: int) -> list[Path]:
    return [root / "pictures" / f"{number:07d}.jpg" for number in range(count)]


def publish(workspace: Workspace, catalogue: Catalogue, vectors: VectorStore, encoder: Encoder) -> None:
    """Publish a generation without its self-test, which would need the pictures."""
    number, folder = generations.begin(workspace)
    entries = list(catalogue.entries("catalogue"))
    vector_rows = vectors.rows_of([entry.images[0] for entry in entries], CATALOGUE_VIEWS[0])
    engines = {"catalogue": vectors.get(vector_rows), "objects": vectors.get(vector_rows[:0])}
    parts = {}
    for collection in COLLECTIONS:
        engine = FaissEngine.build(engines[collection])
        engine.save(folder / generations.engine_file(collection))
        rows = len(engines[collection])
        parts[collection] = CollectionPart(rows, rows, rows, engine.stats().spec)
    views = [IndexedView(row, entry.id, entry.images[0], CATALOGUE_VIEWS[0]) for row, entry in enumerate(entries)]
    write_snapshot(folder / generations.RECORDS, entries, (("catalogue", view) for view in views), {})
    files = generations.checksums(folder)
    card, content = encoder.card, content_of(catalogue, encoder, ())
    manifest = Manifest(
        number,
        generations.now(),
        card.name,
        card.sha256 or "",
        card.dimension,
        content,
        parts,
        files,
        search_parameters=search_parameters_digest(),
    )
    generations.seal(folder, manifest)
    generations.publish(workspace, folder, number)


def _never() -> Encoder:
    raise AssertionError("the model is not needed to make the workspace")


def night(root: Path) -> tuple[float, float, float]:
    """Run `traceobject reindex`: its seconds, its CPU seconds, and its peak memory in MB."""
    command = [sys.executable, "-m", "service.cli.main", "--workspace", str(root / "workspace"), "reindex", "--json"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        report = json.loads(job.stdout.read())
        _, _, used = os.wait4(job.pid, 0)
    assert (report["published"], report["embedded"]) == (False, 0), report
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def stat_all(root: Path, count: int) -> float:
    """The reference: CPU seconds for one `stat` of every file and every copy."""
    workspace = FolderObjects(root / "workspace")
    store = ImageStore(workspace)
    paths = [str(path) for path in (*_files(root, count), *(workspace.path(store.key(name)) for name in _names(count)))]
    started = time.process_time()
    for path in paths:
        os.stat(path)  # noqa: PTH116
    return time.process_time() - started


def main() -> int:
    """Measure and print; exit status 1 where 100,000 pictures take 15 seconds or more."""
    parser = argparse.ArgumentParser(description="The cost of a re-index that finds nothing changed.")
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--folder", help="For the workspace; /dev/shm excludes the disk from the figures.")
    parser.add_argument("--report", type=page_for("nothing changed"), help="a page to write the table into")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder)
        # In a process of its own, because a new process starts with its parent's peak of memory.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(make_workspace, (root, arguments.pictures))
            reference = statistics.median(pool.apply(stat_all, (root, arguments.pictures)) for _ in range(3))
        runs = [night(root) for _ in range(3)]
    seconds, cpu = (statistics.median(run[place] for run in runs) for place in (0, 1))
    row = (
        f"{arguments.pictures:,}", f"{seconds:.2f}", f"{cpu:.2f}", round(max(peak for _, _, peak in runs)),
        f"{reference:.2f}", f"{cpu / reference:.1f}",
    )  # fmt: skip
    titles = ("pictures", "seconds", "CPU seconds", "peak memory, MB", "reference, CPU seconds", "times the reference")
    head = [f"Machine: {machine('faiss-cpu', 'sqlalchemy')}. Nothing was embedded, nothing published.", ""]
    write_part(arguments.report, "nothing changed", [*head, *table(titles, [row])])
    return int(seconds * 100_000 / arguments.pictures >= 15)


if __name__ == "__main__":
    sys.exit(main())
