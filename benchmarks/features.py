"""Local features of a million catalogue pictures: bytes each, time to open, and to read the features of forty.

    python -m benchmarks.features [--count 1000000] [--folder DIR] [--report PAGE]

Synthetic records fill a store in a temporary folder below DIR, which needs 16 GB a million. It is opened anew, as a
server does, and the features of forty pictures at random are read: after the system was told to forget the files, which
is cold, and again, warm. The reference is the same forty read by offset, each by a system call, without a checksum and
without decoding.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.report import machine, page_for, table, write_part
from embedding.local import RECORD_BYTES, LocalFeatures
from embedding.local.features import PALETTE_SIZE, Preview
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects

KEYPOINTS = (400, 200)
READ = 40
ROUNDS = 25
_BATCH = 4096


def synthetic_record(generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A record of as many keypoints as a catalogue picture has at most."""
    count = sum(KEYPOINTS)
    return LocalFeatures(
        size=(1024, 768),
        keypoints=generator.random((count, 2), np.float32),
        descriptors=generator.integers(-127, 128, (count, 64)).astype(np.int8),
        palette=generator.integers(0, 256, PALETTE_SIZE).astype(np.uint8),
        plainness=0.5,
        preview=Preview(np.full((72, 96, 4), 255, np.uint8)),
        scales=KEYPOINTS,
    ).to_record()


def name(number: int) -> str:
    return hashlib.sha256(number.to_bytes(8, "little")).hexdigest()


def fill(store: FeatureStore, count: int) -> None:
    generator = np.random.default_rng(0)
    records = [synthetic_record(generator) for _ in range(_BATCH)]
    for start in tqdm(range(0, count, _BATCH), mininterval=10):
        store.append({name(start + place): records[place] for place in range(min(_BATCH, count - start))})


def forget_files(files: Sequence[Path]) -> None:
    """Tell the system to drop what it has in memory of files."""
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def read_by_offset(files: Sequence[Path], places: Sequence[int]) -> None:
    """The reference: records by their number, one system call each."""
    for place in places:
        path = files[place % len(files)]
        rows = path.stat().st_size // RECORD_BYTES
        handle = os.open(path, os.O_RDONLY)
        assert len(os.pread(handle, RECORD_BYTES, place % rows * RECORD_BYTES)) == RECORD_BYTES
        os.close(handle)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(folder: Path, count: int) -> list[tuple[str, str]]:
    store = FeatureStore(FolderObjects(folder), ImageStore(FolderObjects(folder)))
    fill(store, count)
    files = sorted((folder / "features").rglob("*.features"))
    size = sum(path.stat().st_size for path in (folder / "features").rglob("*.*"))
    del store
    opened = seconds(lambda: FeatureStore(FolderObjects(folder), ImageStore(FolderObjects(folder))))
    reader = FeatureStore(FolderObjects(folder), ImageStore(FolderObjects(folder)))
    generator = np.random.default_rng(1)
    cold, warm, by_offset = [], [], []
    for _ in range(ROUNDS):
        places = generator.integers(0, count, READ).tolist()
        wanted = [name(place) for place in places]
        forget_files(files)
        cold.append(seconds(partial(reader.get, wanted)))
        warm.append(seconds(partial(reader.get, wanted)))
        read_by_offset(files, places)
        by_offset.append(seconds(partial(read_by_offset, files, places)))
    return [
        ("pictures", f"{count:,}"),
        ("bytes a picture, with its key", f"{size / count:,.0f}"),
        ("opened in", f"{opened:.2f} s"),
        (f"{READ} at random, cold", f"{1e3 * statistics.median(cold):.1f} ms"),
        (f"{READ} at random, warm", f"{1e3 * statistics.median(warm):.1f} ms"),
        ("by offset, without checksum and decoding", f"{1e3 * statistics.median(by_offset):.1f} ms"),
        ("warm, times by offset", f"**{statistics.median(warm) / statistics.median(by_offset):.1f}**"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--report", type=page_for("features"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = measure(Path(folder), options.count)
    lines = [f"Machine: {machine('numpy')}. Synthetic records.", "", *table(("local features", "measured"), rows)]
    write_part(options.report, "features", lines)


if __name__ == "__main__":
    main()
