"""Whether a linear change of the embedding, learnt from the catalogue alone, finds products more often.

    python -m benchmarks.whitening WORKSPACE DATA [--every 4] [--views 2]

Half of the catalogue's products are shown in simulated wild views to learn from: whitening (the covariance of the
catalogue's embeddings, or that of the differences between a view and its picture, shrunk towards no change by several
amounts) and a ridge regression from views to pictures. Each is measured by the cosine alone on the other half's
simulated views, and on the real queries of DATA. A change is worth keeping where the held-out views gain, and true
where the real queries do too.

Methods: Jégou and Chum, "Negative evidences and co-occurrences in image retrieval", 2012 (whitening); Mikolajczyk and
Matas, "Improving descriptors for fast tree matching by optimal linear projection", 2007 (whitening of differences).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.quality import Sets
from embedding.augment.simulate import simulate
from embedding.encoders.protocol import Encoder, Vectors
from embedding.image.decode import decode
from embedding.image.preprocess import prepare
from index.generations.generations import open_live
from index.jobs.evaluate import bootstrap_interval
from index.models import workspace_encoder
from index.stores.images import ImageStore
from index.workspace import Workspace

SHRINKAGES = (0.5, 0.75, 0.9, 0.97)
RIDGES = (0.1, 1.0, 10.0)
BATCH = 16

Projection = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""What is taken off a vector, [d], and the matrix [d, e] that it is then multiplied by."""


def embed(encoder: Encoder, pictures: Iterator[npt.NDArray[np.uint8]], count: int) -> Vectors:
    """Unit vectors float32 [count, d] of pictures uint8 [h, w, 3]."""
    found, batch = [], []
    for picture in tqdm(pictures, total=count, mininterval=10):
        batch.append(prepare(picture, encoder.card.preprocess))
        if len(batch) == BATCH:
            found.append(encoder.encode_images(np.stack(batch)))
            batch = []
    if batch:
        found.append(encoder.encode_images(np.stack(batch)))
    return np.concatenate(found)


def changes(pictures: Vectors, views: Vectors, shown: npt.NDArray[np.intp]) -> Iterator[tuple[str, Projection]]:
    """Every change that is tried, by name.

    Args:
        pictures: float32 [n, d], the catalogue; views: float32 [m, d], simulated; shown: which picture each shows, [m].
    """
    mean, nothing = pictures.mean(axis=0), np.eye(pictures.shape[1], dtype=np.float32)
    yield "as it is", (np.zeros_like(mean), nothing)
    yield "mean taken off", (mean, nothing)
    both = np.concatenate([pictures, views])
    for name, spread in (("catalogue", both - both.mean(axis=0)), ("differences", views - pictures[shown])):
        covariance = spread.T @ spread / len(spread)
        even = np.trace(covariance) / len(covariance) * nothing
        for kept in SHRINKAGES:
            values, vectors = np.linalg.eigh((1 - kept) * covariance + kept * even)
            whitened = (vectors / np.sqrt(values)) @ vectors.T
            yield f"whitened by the {name}, shrunk by {kept}", (mean, whitened.astype(np.float32))
    source, target = views - mean, pictures[shown] - mean
    for ridge in RIDGES:
        # Towards no change: what is learnt is the difference.
        gram = source.T @ source + ridge * nothing
        yield f"ridge {ridge:g}", (mean, nothing + np.linalg.solve(gram, source.T @ (target - source)))


def found_first(projection: Projection, queries: Vectors, pictures: Vectors, right: Sequence[set[int]]) -> list[float]:
    """Whether a right picture came first for each query, 1 or 0."""
    mean, matrix = projection
    seen, kept = (_unit(np.asarray((vectors - mean) @ matrix, np.float32)) for vectors in (queries, pictures))
    first = (seen @ kept.T).argmax(axis=1)
    return [float(int(place) in rows) for place, rows in zip(first, right, strict=True)]


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--views", type=int, default=2)
    given = parser.parse_args()
    workspace, encoder = workspace_encoder(Workspace.open(given.workspace), print)
    generation, images = open_live(workspace), ImageStore(workspace.images)
    rows = list(generation.records.every_row("catalogue"))
    pictures = generation.engine("catalogue").vectors(np.array([row.row for row in rows], np.int64))
    order = np.random.default_rng(0).permutation(len(rows))
    taught = np.repeat(order[::2], given.views)
    held_out = order[1::2]

    def simulated(places: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.uint8]]:
        for seed, place in enumerate(places.tolist()):
            yield simulate(images.pixels(rows[place].image), np.random.default_rng(seed)).image

    views = embed(encoder, simulated(taught), len(taught))
    others = embed(encoder, simulated(held_out), len(held_out))
    by_product: dict[str, set[int]] = {}
    for place, entry in enumerate(generation.records.entry(row.entry) for row in rows):
        by_product.setdefault(entry.fields.entry_id, set()).add(place)
    of_row = {place: found for found in by_product.values() for place in found}
    tests = {"held-out simulated views": (others, [of_row[int(place)] for place in held_out])}
    for name, asked in Sets.of(given.data, given.every).queries.items():
        seen = embed(encoder, (one.region.of(decode(one.path.read_bytes())) for one in asked), len(asked))
        tests[f"real queries, {name}"] = (
            seen,
            [set().union(*(by_product.get(p, set()) for p in one.right)) for one in asked],
        )
    sys.stdout.write("| change | " + " | ".join(f"{name}: recall@1" for name in tests) + " |\n")
    sys.stdout.write("|---|" + "---|" * len(tests) + "\n")
    for change, projection in changes(pictures, views, taught):
        told = []
        for queries, right in tests.values():
            first = found_first(projection, queries, pictures, right)
            low, high = bootstrap_interval(np.array(first))
            told.append(f"{np.mean(first):.3f} [{low:.3f}, {high:.3f}]")
        sys.stdout.write(f"| {change} | {' | '.join(told)} |\n")


if __name__ == "__main__":
    main()
