"""How often words that a person types find the right product, by the index of words alone.

    python -m benchmarks.typed DATA [--model starter] [--folder DIR] [--report docs/text.md]

The words were written down for fifty pictures by looking at the picture, before any search, and stand in
typed_queries.csv: thirty photos of packages in shops, of DATA/grocery, and twenty crops of the rendered sample. All
sets of DATA and the sample are one gallery, whose pictures have been read as a re-index reads them. A model with a text
side joins in.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.indexed import feeds_of, indexed, options_for_data
from benchmarks.report import table, write_part
from embedding.text.reader import text_reader
from index.generations.generations import open_live
from index.jobs.evaluate import bootstrap_interval, read_queries
from index.models import workspace_encoder
from index.search.answer import Query
from index.search.rerank import reranker_for
from index.search.search import search
from index.workspace import Workspace
from service.demo.sample import copy_sample, read_sample

QUERIES = Path(__file__).with_name("typed_queries.csv")
DEPTH = 10
RENDERED = "sample"


@dataclass(frozen=True)
class TypedQuery:
    """Words that a person typed for a picture of a set, and the ids of the products that are right."""

    set: str
    words: str
    right: frozenset[str]


def galleries(data: Path, folder: Path) -> list[Path]:
    """The feeds of all sets, and the sample's, copied into a folder."""
    return [*feeds_of(data), copy_sample(folder / RENDERED).catalogue]


def typed_queries(data: Path, sample: Path) -> list[TypedQuery]:
    """The queries of typed_queries.csv, with the right products as the sets state them."""
    queries = read_queries(data / "grocery" / "queries.csv")
    right = {("grocery", query.path.relative_to(data / "grocery").as_posix()): query.right for query in queries}
    for shown in read_sample(sample).queries_in("catalogue"):
        right[RENDERED, shown.path.relative_to(sample).as_posix()] = frozenset({shown.right_id})
    with QUERIES.open(encoding="utf-8", newline="") as file:
        return [TypedQuery(row["set"], row["words"], right[row["set"], row["picture"]]) for row in csv.DictReader(file)]


def measure(workspace: Workspace, queries: list[TypedQuery]) -> dict[str, list[float]]:
    """The rank of the best right product of each query, by set; infinity beyond DEPTH."""
    workspace, encoder = workspace_encoder(workspace, print)
    generation, reranker = open_live(workspace), reranker_for(workspace)
    ranks: dict[str, list[float]] = {}
    for query in queries:
        found = search(Query((), text=query.words, limit=DEPTH), generation, encoder, reranker).candidates
        places = [one.rank for one in found if one.entry.fields.entry_id in query.right]
        ranks.setdefault(query.set, []).append(float(min(places, default=np.inf)))
    return ranks


def report(ranks: Mapping[str, list[float]]) -> Iterator[str]:
    everything = [rank for found in ranks.values() for rank in found]
    rows = []
    for name, found in {**ranks, "all": everything}.items():
        hits = [np.array(found) <= depth for depth in (1, 5, DEPTH)]
        low, high = bootstrap_interval(hits[0].astype(np.float64))
        first = f"{hits[0].mean():.3f} ({low:.3f} to {high:.3f})"
        rows.append((name, len(found), first, *(f"{hit.mean():.3f}" for hit in hits[1:])))
    yield from table(("typed for", "queries", "recall@1", "recall@5", f"recall@{DEPTH}"), rows)


def main() -> None:
    options = options_for_data(__doc__, "typed").parse_args()
    with indexed(options, lambda folder: galleries(options.data, folder), text_reader()) as workspace:
        queries = typed_queries(options.data, workspace.root / RENDERED)[:: options.every]
        write_part(options.report, "typed", report(measure(workspace, queries)))


if __name__ == "__main__":
    main()
