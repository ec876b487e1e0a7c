"""The data of the notebooks: a folder of galleries and queries of your own, or a part of the demo's sample.

TRACEOBJECT_DATA names a folder of sets as `traceobject evaluate` reads them: <set>/gallery.csv or <set>/feed.csv, and
<set>/queries.csv. Without it a part of the sample is copied once, into TRACEOBJECT_NOTEBOOKS or notebooks/.kept.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from embedding.encoders.protocol import Encoder
from index.errors import WorkspaceError
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.rerank import reranker_for
from index.workspace import Workspace
from service.demo.sample import copy_sample

KEPT = Path(os.environ.get("TRACEOBJECT_NOTEBOOKS") or Path(__file__).with_name(".kept"))
PRODUCTS = 36
QUERIES = 30


@dataclass(frozen=True)
class Set:
    """A gallery and its labelled queries."""

    name: str
    gallery: Path
    queries: Path


def sets() -> list[Set]:
    """The sets of TRACEOBJECT_DATA, or the sample's products with its published crops as queries."""
    if folder := os.environ.get("TRACEOBJECT_DATA"):
        return [found for place in sorted(Path(folder).iterdir()) for found in _sets_in(place)]
    return [_sample(KEPT / "sample")]


def indexed(chosen: Set, model: str = "starter") -> tuple[Workspace, Encoder]:
    """A workspace that holds a set's gallery, indexed, and its model; made once."""
    root = KEPT / "workspaces" / f"{chosen.name}-{model}"
    try:
        workspace = Workspace.open(root)
    except WorkspaceError:
        workspace = Workspace.create(root, model)
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source(chosen.name, "catalogue", str(chosen.gallery.resolve()), "auto")
    workspace, encoder = workspace_encoder(workspace, lambda _: None)
    reindex(workspace, encoder, Unwatched(), reranker_for(workspace))
    return workspace, encoder


def _sets_in(folder: Path) -> list[Set]:
    queries = folder / "queries.csv"
    galleries = [folder / name for name in ("gallery.csv", "feed.csv") if (folder / name).exists()]
    return [Set(folder.name, galleries[0], queries)] if galleries and queries.exists() else []


def _sample(folder: Path) -> Set:
    queries = folder / "queries.csv"
    if not queries.exists():
        sample = copy_sample(folder, PRODUCTS)
        with queries.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "product_ids"])
            wanted = sample.queries_in("catalogue")
            rows.writerows(
                [query.path.absolute(), query.right_id] for query in wanted[:: max(1, len(wanted) // QUERIES)]
            )
    return Set("sample", folder / "catalogue.csv", queries)
