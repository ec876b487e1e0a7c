"""Whether a linear transform of the embedding, learnt from the catalogue alone, improves recall.

    python -m benchmarks.whitening WORKSPACE DATA [--every 4] [--views 2]

Transforms are learnt from simulated photos of half of the catalogue's products: whitening (by the covariance of the
catalogue's embeddings, or of the differences between a photo and its picture, shrunk towards the identity by several
amounts) and a ridge regression from photos to pictures. Each is measured by the cosine alone on the other half's
simulated photos, and on the real queries of DATA. A transform is useful only if both improve.

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
"""The mean [d] that is subtracted from a vector, and the matrix [d, e] that it is then multiplied by."""


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


def projections(catalogue: Vectors, views: Vectors, shown: npt.NDArray[np.intp]) -> Iterator[tuple[str, Projection]]:
    """Every transform that is tried, by name.

    Args:
        catalogue: float32 [n, d]; views: float32 [m, d], simulated photos; shown: the row that each photo shows, [m].
    """
    mean, identity = catalogue.mean(axis=0), np.eye(catalogue.shape[1], dtype=np.float32)
    yield "as it is", (np.zeros_like(mean), identity)
    yield "mean taken off", (mean, identity)
    both = np.concatenate([catalogue, views])
    for name, spread in (("catalogue", both - both.mean(axis=0)), ("differences", views - catalogue[shown])):
        covariance = spread.T @ spread / len(spread)
        isotropic = np.trace(covariance) / len(covariance) * identity
        for shrinkage in SHRINKAGES:
            values, vectors = np.linalg.eigh((1 - shrinkage) * covariance + shrinkage * isotropic)
            whitened = (vectors / np.sqrt(values)) @ vectors.T
            yield f"whitened by the {name}, shrunk by {shrinkage}", (mean, whitened.astype(np.float32))
    source, target = views - mean, catalogue[shown] - mean
    for ridge in RIDGES:
        # The penalty pulls towards the identity, because the difference is what is learnt.
        gram = source.T @ source + ridge * identity
        yield f"ridge {ridge:g}", (mean, identity + np.linalg.solve(gram, source.T @ (target - source)))


def top1_correct(
    projection: Projection, queries: Vectors, catalogue: Vectors, right: Sequence[set[int]]
) -> list[float]:
    """Whether a right picture came first for each query, 1 or 0."""
    mean, matrix = projection
    query_vectors, gallery = (
        _unit(np.asarray((vectors - mean) @ matrix, np.float32)) for vectors in (queries, catalogue)
    )
    first = (query_vectors @ gallery.T).argmax(axis=1)
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
    generation, images = open_live(workspace), ImageStore(workspace.objects)
    rows = list(generation.records.all_views("catalogue"))
    catalogue = generation.engine("catalogue").vectors(np.array([row.row for row in rows], np.int64))
    order = np.random.default_rng(0).permutation(len(rows))
    training = np.repeat(order[::2], given.views)
    held_out = order[1::2]

    def simulated(places: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.uint8]]:
        for seed, place in enumerate(places.tolist()):
            yield simulate(images.pixels(rows[place].image), np.random.default_rng(seed)).image

    views = embed(encoder, simulated(training), len(training))
    others = embed(encoder, simulated(held_out), len(held_out))
    by_product: dict[str, set[int]] = {}
    for place, entry in enumerate(generation.records.entry(row.entry) for row in rows):
        by_product.setdefault(entry.fields.entry_id, set()).add(place)
    of_row = {place: found for found in by_product.values() for place in found}
    tests = {"held-out simulated views": (others, [of_row[int(place)] for place in held_out])}
    for name, queries in Sets.of(given.data, given.every).queries.items():
        vectors = embed(encoder, (one.region.of(decode(one.path.read_bytes())) for one in queries), len(queries))
        tests[f"real queries, {name}"] = (
            vectors,
            [set().union(*(by_product.get(p, set()) for p in one.right)) for one in queries],
        )
    sys.stdout.write("| change | " + " | ".join(f"{name}: recall@1" for name in tests) + " |\n")
    sys.stdout.write("|---|" + "---|" * len(tests) + "\n")
    for change, projection in projections(catalogue, views, training):
        cells = []
        for query_vectors, right in tests.values():
            first = top1_correct(projection, query_vectors, catalogue, right)
            low, high = bootstrap_interval(np.array(first))
            cells.append(f"{np.mean(first):.3f} [{low:.3f}, {high:.3f}]")
        sys.stdout.write(f"| {change} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
