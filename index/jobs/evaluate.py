"""How often the right product is found: any gallery, any queries, by the same search that users get."""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Encoder, Vectors
from embedding.errors import ImageRefused, RegionInvalid
from embedding.image.decode import decode
from embedding.image.picture_file import read_picture_file
from embedding.image.regions import WHOLE, Region
from embedding.text.reading import TextReader
from index.errors import FeedError, WorkspaceError
from index.generations.generations import Generation, open_live
from index.jobs.reindex import reindex
from index.progress import Progress
from index.records.catalogue import Catalogue
from index.records.feed_records import Refusal
from index.search.answer import Answer, Query, QueryImage
from index.search.rerank import Reranker, reranker_for
from index.search.search import search
from index.stores.objects.folder import FolderObjects
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore
from index.workspace import Workspace

DEPTH = 50
RECALLS = (1, 5, 10, 50)
RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True)
class LabelledQuery:
    """One query of a set: the path of its picture, the box, and the ids of the products that are right."""

    path: Path
    region: Region
    right: frozenset[str]


@dataclass(frozen=True)
class Evaluation:
    """Measured quality. `ranks` holds, for each query, the ranks of its right products among the first DEPTH.

    `metrics` are recall at 1, 5, 10, 50 (any right product among the first k), mean reciprocal rank and mean average
    precision, all over the first DEPTH; `intervals` their 95 % bootstrap intervals over queries (percentile method:
    Efron, 1979).
    """

    queries: int
    gallery: int
    model: str
    rerank: bool
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    seconds_per_query: float
    embeddings_from_cache: int
    ranks: tuple[tuple[int, ...], ...]
    refused: tuple[Refusal, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "gallery": self.gallery,
            **{name: round(value, 4) for name, value in self.metrics.items()},
            "ci": {name: [round(low, 4), round(high, 4)] for name, (low, high) in self.intervals.items()},
            "seconds_per_query": round(self.seconds_per_query, 4),
            "embeddings_from_cache": self.embeddings_from_cache,
            "model": self.model,
            "rerank": self.rerank,
            "refused": len(self.refused),
        }


def evaluate(
    gallery: Path,
    queries: Path,
    encoder: Encoder,
    cache: Path,
    progress: Progress,
    *,
    reranked: bool = True,
    text_reader: TextReader | None = None,
) -> Evaluation:
    """Index a gallery in a workspace of its own below `cache`, search for every query, and measure.

    `reranked`: re-ranked by local features, as users get it; without, by embeddings alone. `text_reader`: reads what is
    written on pictures of the gallery and of queries; None leaves it out.
    Embeddings of gallery and queries are kept in `cache` between runs. A query whose very bytes are in the gallery is
    answered without that image (leave one out).

    Raises:
        FeedError: the gallery or the queries cannot be read, or no query names a product of the gallery.
    """
    labelled = read_queries(queries)
    workspace, refused = _index(gallery, encoder, cache, progress, text_reader)
    reranker = reranker_for(workspace) if reranked else None
    generation = open_live(workspace)
    caching_encoder = CachingEncoder(encoder, VectorStore.open(FolderObjects(cache / "queries"), encoder.card))
    found: list[tuple[int, ...]] = []
    right_counts: list[int] = []
    refusals, seconds = list(refused), []
    with progress.step("searches", len(labelled)) as tick:
        for query in labelled:
            tick(1)
            try:
                data = read_picture_file(query.path)
                started = time.perf_counter()
                answer = _search(query, data, generation, caching_encoder, reranker, text_reader)
            except ImageRefused as error:
                refusals.append(Refusal(str(query.path), error.reason, str(error)))
                continue
            seconds.append(time.perf_counter() - started)
            right = [
                len(query.right & {entry.fields.entry_id for entry in (candidate.entry, *candidate.variants)})
                for candidate in answer.candidates
            ]
            # Variants of one candidate are one answer.
            right_counts.append(len(query.right) - sum(count - 1 for count in right if count))
            found.append(tuple(rank for rank, count in enumerate(right, start=1) if count))
    caching_encoder.flush()
    if not found:
        raise FeedError(f"{queries}: none of its {len(labelled)} pictures could be read")
    ranks = tuple(found)
    per_query = _per_query(ranks, right_counts)
    return Evaluation(
        queries=len(ranks),
        gallery=generation.manifest.collections["catalogue"].entries,
        model=encoder.card.name,
        rerank=reranker is not None,
        metrics={name: float(values.mean()) for name, values in per_query.items()},
        intervals={name: bootstrap_interval(values) for name, values in per_query.items()},
        seconds_per_query=float(np.median(seconds)),
        embeddings_from_cache=caching_encoder.hits,
        ranks=ranks,
        refused=tuple(refusals),
    )


def read_queries(path: Path) -> list[LabelledQuery]:
    """Read a query list: columns path, product_ids (several split by `|`; product_id is taken too), optional box.

    Paths are absolute or relative to the file.

    Raises:
        FeedError: it is missing, lacks a column, or a row cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise FeedError(f"{path}: the queries cannot be read ({error})") from error
    queries = []
    for line, row in enumerate(rows, start=2):
        right = frozenset(filter(None, (row.get("product_ids") or row.get("product_id") or "").split("|")))
        if not row.get("path") or not right:
            raise FeedError(f"{path}, line {line}: columns path and product_ids must both be filled")
        try:
            region = Region.parse(row["box"]) if row.get("box") else WHOLE
        except RegionInvalid as error:
            raise FeedError(f"{path}, line {line}: {error}") from error
        queries.append(LabelledQuery(path.parent / row["path"], region, right))
    if not queries:
        raise FeedError(f"{path}: holds no query; columns path and product_ids are needed")
    return queries


def bootstrap_interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a mean, with a fixed seed: values float64 [n], n >= 1."""
    generator = np.random.default_rng(SEED)
    picks = generator.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


class CachingEncoder:
    """An encoder that stores the vectors of prepared pictures, so that a second run of the same queries is fast.

    `hits`: how many pictures were taken from the store.
    """

    def __init__(self, encoder: Encoder, store: VectorStore) -> None:
        self._encoder, self._store = encoder, store
        self._unsaved: dict[RowKey, Vectors] = {}
        self.hits = 0

    @property
    def card(self) -> ModelCard:
        return self._encoder.card

    def encode_images(self, images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> Vectors:
        keys = [RowKey(hashlib.sha256(image.tobytes()).hexdigest(), WHOLE) for image in images]
        rows = self._store.rows(keys)
        missing = np.flatnonzero(rows < 0)
        vectors = np.empty((len(images), self.card.dimension), np.float32)
        vectors[rows >= 0] = self._store.get(rows[rows >= 0])
        if len(missing):
            # Rounded as the store rounds, so that a later run gives the same figures to the last digit.
            rounded = self._encoder.encode_images(images[missing]).astype(np.float16).astype(np.float32)
            vectors[missing] = rounded / np.linalg.norm(rounded, axis=1, keepdims=True)
            self._unsaved.update(zip((keys[index] for index in missing), vectors[missing], strict=True))
        self.hits += len(images) - len(missing)
        if len(self._unsaved) >= 256:
            self.flush()
        return vectors

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_texts(texts)

    def flush(self) -> None:
        """Write new vectors to the store."""
        if self._unsaved:
            self._store.append(list(self._unsaved), np.stack(list(self._unsaved.values())))
            self._unsaved.clear()


def _index(
    gallery: Path, encoder: Encoder, cache: Path, progress: Progress, text_reader: TextReader | None
) -> tuple[Workspace, tuple[Refusal, ...]]:
    """A workspace that holds the gallery alone, indexed under this model."""
    digest = hashlib.sha256(f"{gallery.resolve()} {encoder.card.name} {encoder.card.sha256}".encode()).hexdigest()
    root = cache / "galleries" / digest[:16]
    try:
        workspace = Workspace.open(root)
    except WorkspaceError:
        workspace = Workspace.create(root, encoder.card.name)
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("gallery", "catalogue", str(gallery.resolve()), "auto")
    report = reindex(workspace, encoder, progress, text_reader=text_reader)
    if report.failed:
        raise FeedError(report.failed[0])
    return workspace, report.refused


def _search(
    query: LabelledQuery,
    data: bytes,
    generation: Generation,
    encoder: Encoder,
    reranker: Reranker | None,
    text_reader: TextReader | None,
) -> Answer:
    itself = hashlib.sha256(data).hexdigest()
    image = QueryImage(decode(data), query.region)
    asked = Query(images=(image,), limit=DEPTH, without_images=(itself,))
    return search(asked, generation, encoder, reranker, text_reader=text_reader)


def _per_query(ranks: Sequence[Sequence[int]], right_counts: Sequence[int]) -> dict[str, npt.NDArray[np.float64]]:
    """Each metric for each query, float64 [n]: `ranks` of its right products, and how many are right."""
    first = np.array([found[0] if found else np.inf for found in ranks])
    metrics = {f"recall_at_{depth}": (first <= depth).astype(np.float64) for depth in RECALLS}
    metrics["mrr"] = 1.0 / first
    metrics["map"] = np.array(
        [
            sum(place / rank for place, rank in enumerate(found, start=1)) / right
            for found, right in zip(ranks, right_counts, strict=True)
        ]
    )
    return metrics
