"""How well a brand is named, with the very product in the gallery, without it, and without any product of its brand.

    python -m benchmarks.brands DATA [--every 1] [--model starter] [--folder DIR] [--report docs/cases.md]

DATA is a folder of sets as benchmarks.quality reads them. The groceries are asked for, the brand of a package being the
first word of its id, with all other sets as distractors; and the objects, which have no brand, so that none is right
where their own pictures are taken out. A query is searched for once: what is taken out is taken from its candidates,
which keeps the other candidates' scores as they are.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.indexed import feeds_of, indexed, options_for_data
from benchmarks.report import write_part
from embedding.image.decode import decode
from index.generations.calibration import expected_calibration_error
from index.generations.generations import open_live
from index.jobs.evaluate import LabelledQuery, bootstrap_interval, read_queries
from index.models import workspace_encoder
from index.search import attribution
from index.search.answer import Attribution, Candidate, Query, QueryImage
from index.search.attribution import attribute
from index.search.likelihood import VERDICT_THRESHOLD
from index.search.rerank import reranker_for
from index.search.search import search
from index.workspace import Workspace

CASES = ("product in the gallery", "product taken out", "brand taken out")
UNBRANDED = "objects of no brand, taken out"


def brand_of(product_id: str) -> str:
    """The brand of a packaged grocery: God-Morgon is the only one of two words."""
    return "God Morgon" if product_id.startswith("God-Morgon") else product_id.partition("-")[0]


def branded_gallery(grocery: Path, folder: Path) -> Path:
    """A copy of the groceries' gallery that states the brand of each package; fruit has none."""
    with (grocery / "gallery.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gallery.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        for row in rows:
            packed = row["category"].startswith("Packages")
            brand = brand_of(row["product_id"]) if packed else ""
            writer.writerow({**row, "path": str((grocery / row["path"]).resolve()), "brand": brand})
    return path


def galleries(data: Path, folder: Path) -> list[Path]:
    """The groceries' gallery with brands, made in a folder, and those of all other sets."""
    others = [feed for feed in feeds_of(data) if feed.parent.name != "grocery"]
    return [branded_gallery(data / "grocery", folder / "branded"), *others]


def cases(candidates: Sequence[Candidate], right: frozenset[str], brand: str) -> Mapping[str, tuple[Candidate, ...]]:
    """The candidates of each case."""
    without = tuple(one for one in candidates if one.entry.fields.entry_id not in right)
    return dict(
        zip(
            CASES,
            (tuple(candidates), without, tuple(one for one in without if one.entry.fields.brand != brand)),
            strict=True,
        )
    )


def measure(workspace: Workspace, data: Path, every: int) -> dict[str, list[tuple[tuple[Attribution, ...], str, str]]]:
    """For each case and query the brands that are named, the right one, and the brand of the first candidate."""
    workspace, encoder = workspace_encoder(workspace, print)
    generation, reranker = open_live(workspace), reranker_for(workspace)
    model = generation.attribution["brands"]
    found: dict[str, list[tuple[tuple[Attribution, ...], str, str]]] = {case: [] for case in (*CASES, UNBRANDED)}

    def searched(query: LabelledQuery) -> tuple[Candidate, ...]:
        picture = QueryImage(query.region.of(decode(query.path.read_bytes())))
        return search(Query((picture,), limit=attribution.DEPTH), generation, encoder, reranker).candidates

    def add(case: str, candidates: Sequence[Candidate], brand: str) -> None:
        named = attribute(candidates, "brands", generation.names, model)
        found[case].append((named, brand, candidates[0].entry.fields.brand if candidates else ""))

    for query in tqdm(read_queries(data / "grocery" / "queries.csv")[::every], mininterval=10):
        brand = brand_of(min(query.right))
        for case, candidates in cases(searched(query), query.right, brand).items():
            add(case, candidates, brand)
    for query in tqdm(read_queries(data / "objects" / "queries.csv"), mininterval=10):
        add(UNBRANDED, cases(searched(query), query.right, "")["product taken out"], "")
    return found


def report(found: Mapping[str, Sequence[tuple[tuple[Attribution, ...], str, str]]]) -> Iterator[str]:
    yield "| | queries | brand first | among three | brand of candidate 1 | told | calibration error |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    # Nobody knows which of the cases a photo is, so a likelihood can be calibrated over all of them alone.
    together = [answer for answers in found.values() for answer in answers]
    for case, answers in {**found, "all together": together}.items():
        first = np.array([bool(named) and named[0].name == brand for named, brand, _ in answers])
        three = np.array([brand in [one.name for one in named[:3]] for named, brand, _ in answers])
        plain = np.array([bool(brand) and candidate == brand for _, brand, candidate in answers])
        likelihood = np.array([named[0].likelihood or 0.0 if named else 0.0 for named, _, _ in answers])
        error = expected_calibration_error(likelihood, first)
        told = likelihood >= VERDICT_THRESHOLD
        cells = (_interval(first), _interval(three), f"{plain.mean():.3f}", f"{told.mean():.3f}", f"{error:.3f}")
        yield f"| {case} | {len(answers)} | {' | '.join(cells)} |"


def _interval(values: npt.NDArray[np.bool_]) -> str:
    low, high = bootstrap_interval(values.astype(np.float64))
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    options = options_for_data(__doc__, "brands").parse_args()
    with indexed(options, lambda folder: galleries(options.data, folder)) as workspace:
        found = measure(workspace, options.data, options.every)
    write_part(options.report, "brands", report(found))


if __name__ == "__main__":
    main()
