"""How soon a server over a large index is ready, and how much memory it takes besides that index.

    python -m benchmarks.readiness [--count 1000000] [--folder DIR] [--report PAGE]

A generation of synthetic vectors and as many products is published in a temporary folder, for a ViT-B-32 of random
weights that is compiled first; `traceobject serve` then starts three times over it, with everything that a start
loads: the compiled model, the face gate, the re-ranker. The reference is a Python process that imports numpy, FAISS,
FastAPI and OpenVINO, and ends.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.encoders import CALIBRATING, random_clip
from benchmarks.engines import DIMENSION, synthesise
from benchmarks.report import machine, page_for, table, write_part
from benchmarks.serving import has_torch, serving
from embedding.encoders.agreement import Samples
from embedding.encoders.card import ModelCard
from embedding.encoders.choose import load
from embedding.encoders.openvino.compiling import compile_encoder
from embedding.encoders.openvino.exporting import Towers
from embedding.faces import network as face_network
from embedding.image.regions import WHOLE
from embedding.local import xfeat_network
from index.engines.faiss_engine import FaissEngine, originals_path
from index.engines.writing import write_engine
from index.generations import generations
from index.generations.manifest import CollectionPart, Manifest
from index.generations.snapshot import IndexedView, write_snapshot
from index.records.entries import Entry, EntryFields
from index.records.feed_records import Collection
from index.workspace import Workspace

STARTS = 3
TARGET = 0.95
# With more, a graph would be built, which takes ten minutes for a million and is opened in the same way.
BYTES_A_VECTOR = 300
_IMPORTS = "import numpy, faiss, fastapi, openvino"


def compiled_model() -> ModelCard:
    """A ViT-B-32 of random weights in 8 bits, and the networks of local features and faces, in the model store."""
    with tempfile.TemporaryDirectory() as folder:
        original = load(random_clip(Path(folder)).name, "cpu")
    assert isinstance(original, Towers)
    noise = np.random.default_rng(0).integers(0, 256, (CALIBRATING // 5, 64, 64, 3), np.uint8)
    xfeat_network.compile_network()
    face_network.compile_network()
    return compile_encoder(
        original, "int8", Samples.of(iter(noise), original.card.preprocess), ["a red mug"], min_overlap=0
    ).card


def make_workspace(root: Path, card: ModelCard, count: int) -> Path:
    """A workspace with a published generation of so many products; returns its index file."""
    workspace = Workspace.create(root, card.name).pin_model(card.name, card.sha256 or "", "benchmark")
    number, folder = generations.begin(workspace)
    path = folder / generations.engine_file("catalogue")
    tuned = write_engine(path, synthesise(originals_path(path), count, 0), BYTES_A_VECTOR * count, TARGET)
    objects = FaissEngine.build(np.empty((0, DIMENSION), np.float32))
    objects.save(folder / generations.engine_file("objects"))
    parts: dict[Collection, CollectionPart] = {
        "catalogue": CollectionPart(count, count, count, tuned.engine.stats().spec, tuned.recall, tuned.refused),
        "objects": CollectionPart(0, 0, 0, objects.stats().spec),
    }
    catalogue: Collection = "catalogue"
    views = ((catalogue, IndexedView(row, row, _image(row), WHOLE)) for row in range(count))
    write_snapshot(folder / generations.RECORDS, _products(count), views, {})
    files = generations.checksums(folder)
    manifest = Manifest(number, generations.now(), card.name, card.sha256 or "", card.dimension, "", parts, files)
    generations.seal(folder, manifest)
    # A re-index runs its self-test here, which takes longer, and then seals the generation again.
    time.sleep(2)
    generations.seal(folder, manifest)
    generations.publish(workspace, folder, number)
    return workspace.generations / str(number) / path.name


def _image(row: int) -> str:
    return hashlib.sha256(str(row).encode()).hexdigest()


def _products(count: int) -> Iterator[Entry]:
    for row in range(count):
        fields = EntryFields(
            f"P-{row}", f"Thing {row}", f"Brand {row % 500}", retailer=f"Shop {row % 40}", country="FR"
        )
        yield Entry(row, "catalogue", "shop", fields, (_image(row),))


def resident(process: int, index: Path) -> tuple[int, int]:
    """Megabytes of memory of a process: mapped from the index's files, and all the rest."""
    of_index = rest = 0
    in_index = False
    for line in Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            in_index = str(index) in line
        elif line.startswith("Rss:"):
            kilobytes = int(line.split()[1])
            of_index, rest = (of_index + kilobytes, rest) if in_index else (of_index, rest + kilobytes)
    return of_index // 1000, rest // 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--folder", help="for the workspace")
    parser.add_argument("--report", type=page_for("readiness"), help="a page to write the table into")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        root = Path(folder)
        os.environ["TRACEOBJECT_MODELS"] = str(root / "models")
        index = make_workspace(root / "workspace", compiled_model(), given.count)
        starts, memory, torch, imports = [], (0, 0), False, []
        for _ in range(STARTS):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
            imports.append(time.perf_counter() - started)
            started = time.perf_counter()
            with serving(root / "workspace") as (process, _):
                starts.append(time.perf_counter() - started)
                memory, torch = resident(process, index), has_torch(process)
    first, again = starts[0], statistics.median(starts[1:])
    row = (f"{given.count:,}", f"{first:.1f}", f"{again:.1f}", f"{statistics.median(imports):.1f}", *memory)
    titles = ("products", "first start, s", "again, s", "imports alone, s", "of the index, MB", "besides it, MB")
    lines = [
        f"Machine: {machine('faiss-cpu', 'openvino', 'fastapi')}. torch is {'' if torch else 'not '}loaded.",
        "",
        *table(titles, [row]),
    ]
    write_part(given.report, "readiness", lines)


if __name__ == "__main__":
    main()
