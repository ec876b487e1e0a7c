"""How well the exact product is found: each step of a search on real photographs, and how reliable the likelihood is.

    python -m benchmarks.quality DATA [--every 1] [--model starter] [--folder DIR] [--report docs/quality.md]
        [--measurements FILE]

DATA is a folder of sets as `evaluate` reads them: DATA/<set>/gallery.csv or feed.csv, for some DATA/<set>/queries.csv.
All galleries are indexed together. `--every N` takes every N-th query; `--folder` keeps the workspace for the next run;
`--measurements` writes a JSON line for each query, from which other tables can be made; where that file exists already,
only the queries that are timed are searched again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.indexed import feeds_of, indexed, options_for_data
from benchmarks.quality_figures import Measured, Task
from benchmarks.quality_report import write_report
from benchmarks.query_steps import Bench, Clock
from embedding.image.decode import decode
from embedding.query_views import query_views
from embedding.redaction.conceal import METHODS, conceal, random_box
from embedding.text.reader import text_reader
from index.jobs.evaluate import LabelledQuery, read_queries
from index.records.catalogue import Catalogue
from index.workspace import Workspace

HALVES = 5
VIEWS_OF_ONE = 3
TRIPLES = 2
CONCEALED_EVERY = 2
TIMED, TIMED_COLD = 30, 10
WORKERS = 2


Seconds = Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Sets:
    """The sets of a data folder: every feed, and the queries by set."""

    feeds: tuple[Path, ...]
    queries: Mapping[str, tuple[LabelledQuery, ...]]

    @classmethod
    def of(cls, data: Path, every: int) -> Sets:
        feeds = tuple(feeds_of(data))
        listed = [feed.parent for feed in feeds if (feed.parent / "queries.csv").exists()]
        return cls(feeds, {one.name: tuple(read_queries(one / "queries.csv")[::every]) for one in listed})


def tasks(sets: Sets) -> Iterator[Task]:
    for name, queries in sets.queries.items():
        for query in queries:
            yield Task("steps", name, (query,))
        for seed, query in enumerate(queries[::CONCEALED_EVERY]):
            yield Task("concealed", name, (query,), seed)
            yield Task("rotated", name, (query,), seed)
        by_product: dict[frozenset[str], list[LabelledQuery]] = {}
        for query in queries:
            by_product.setdefault(query.right, []).append(query)
        generator = np.random.default_rng(0)
        for views in by_product.values():
            order = generator.permutation(len(views)).tolist()
            for start in range(0, min(len(views) // VIEWS_OF_ONE, TRIPLES) * VIEWS_OF_ONE, VIEWS_OF_ONE):
                yield Task("views", name, tuple(views[place] for place in order[start : start + VIEWS_OF_ONE]))


_BENCH: list[Bench] = []


def _open(folder: Path, halves: Mapping[str, tuple[frozenset[str], ...]]) -> None:
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _BENCH.append(Bench.of(Workspace.open(folder), halves))


def _measure(task: Task) -> Measured:
    bench = _BENCH[0]
    right = task.queries[0].right
    pictures = [query.region.of(decode(query.path.read_bytes())) for query in task.queries]
    if task.kind == "steps":
        ranks, judged = bench.steps(pictures[0], task.name, right)
        return Measured(task, ranks, judged)
    if task.kind == "concealed":
        generator = np.random.default_rng(task.seed)
        method = METHODS[task.seed % len(METHODS)]
        hidden, _ = conceal(pictures[0], random_box(generator), method, float(generator.uniform(0.06, 0.2)))
        return Measured(task, bench.concealed(pictures[0], hidden, right), {})
    if task.kind == "rotated":
        rotated = np.ascontiguousarray(np.rot90(pictures[0], 1 + task.seed % 3))
        return Measured(task, bench.rotated(rotated, right), {})
    together = bench.rank([query_views(picture) for picture in pictures], right)
    return Measured(task, {"one of them": bench.rank([query_views(pictures[0])], right), "together": together}, {})


def halves_of(workspace: Workspace, sets: Sets) -> dict[str, tuple[frozenset[str], ...]]:
    """For each set, several halves of its products, drawn at random, to be left out of the gallery."""
    with Catalogue.open(workspace.database_url) as catalogue:
        sources = {source.name: source.location for source in catalogue.sources()}
        entries = list(catalogue.entries("catalogue"))
    halves = {}
    for name in sets.queries:
        own = sorted(e.fields.entry_id for e in entries if Path(sources[e.source]).parent.name == name)
        drawn = [np.random.default_rng(seed).permutation(own)[: len(own) // 2].tolist() for seed in range(HALVES)]
        halves[name] = tuple(frozenset(half) for half in drawn)
    return halves


def timed(folder: Path, queries: Sequence[LabelledQuery]) -> tuple[Seconds, Seconds]:
    """Seconds by step of single queries, one after the other on all cores, [n] each: descriptors cached, and not."""
    bench = Bench.of(Workspace.open(folder), {})
    sampled = queries[:: max(1, len(queries) // TIMED)][:TIMED]
    pictures = [query.region.of(decode(query.path.read_bytes())) for query in sampled]
    cached, cold = Clock(), Clock()
    for clock in (Clock(), cached):
        for picture in pictures:
            bench.timed(picture, clock)
    for picture in pictures[:: TIMED // TIMED_COLD]:
        with tempfile.TemporaryDirectory() as empty:
            bench.with_features_in(Path(empty)).timed(picture, cold)
    return cached.arrays(), cold.arrays()


def measure(folder: Path, halves: Mapping[str, tuple[frozenset[str], ...]], queue: Sequence[Task]) -> list[Measured]:
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _open, (folder, halves)) as pool:
        return list(tqdm(pool.map(_measure, queue), total=len(queue), mininterval=10))


def _parse(line: str) -> Measured:
    fields = json.loads(line)
    judged = {case: (likelihood, right) for case, (likelihood, right) in fields["judged"].items()}
    return Measured(Task(fields["kind"], fields["set"], (), fields["seed"]), fields["ranks"], judged)


def _line(one: Measured) -> str:
    fields = {
        "kind": one.task.kind,
        "set": one.task.name,
        "seed": one.task.seed,
        "ranks": one.ranks,
        "judged": one.judged,
        "pictures": [query.path.name for query in one.task.queries],
    }
    return json.dumps(fields)


def main() -> None:
    parser = options_for_data(__doc__, "measured")
    parser.add_argument("--measurements", type=Path)
    options = parser.parse_args()
    sets = Sets.of(options.data, options.every)
    with indexed(options, lambda _: sets.feeds, text_reader()) as workspace:
        kept = options.measurements
        if kept and kept.exists():
            measured = [_parse(line) for line in kept.read_text(encoding="utf-8").splitlines()]
        else:
            measured = measure(workspace.root, halves_of(workspace, sets), list(tasks(sets)))
            if kept:
                kept.write_text("".join(f"{_line(one)}\n" for one in measured), encoding="utf-8")
        seconds = timed(workspace.root, next(iter(sets.queries.values())))
        write_report(options.report, workspace, measured, *seconds)


if __name__ == "__main__":
    main()
