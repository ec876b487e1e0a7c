"""How well each model finds the exact product: by cosine, re-ranked, and with a third of the query hidden.

    python -m benchmarks.models DATA [--most 40] [--models starter-lite1 ...] [--folder DIR] [--report docs/quality.md]

DATA is a folder of sets as `benchmarks.quality` reads them, of which `--most` queries are searched for, evenly taken;
all galleries are indexed together, once for each model. `--folder` keeps the workspaces, which share local features.
Every model ranks by the same weights: that is what the standardised cosines are for. A model that is not here is left
out with a word.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.indexed import indexed
from benchmarks.quality import Sets
from benchmarks.query_steps import Bench
from benchmarks.report import machine, page_for, table, write_part
from embedding.encoders import registry, weights
from embedding.image.decode import decode
from embedding.redaction.conceal import METHODS, conceal, random_box
from index.jobs.evaluate import LabelledQuery, bootstrap_interval
from index.workspace import Workspace

MODELS = (
    "starter-lite0",
    "starter-lite1",
    "starter-lite2",
    f"starter-lite1+{registry.SSCD_PACKAGED}",
    "tiny-clip",
)
STEPS = {
    "cosine": "cosine of the whole picture",
    "cosine of views": "+ views",
    "re-ranked": "+ orientation",
    "a third hidden": "handled, re-ranked",
}
Ranks = dict[str, list[float]]


def ranks_of(bench: Bench, queries: Sequence[LabelledQuery]) -> Ranks:
    """The rank of the right product of each query, by step; every second query is also searched with a third hidden."""
    found: Ranks = {step: [] for step in STEPS}
    for number, query in enumerate(tqdm(queries, mininterval=10)):
        picture = query.region.of(decode(query.path.read_bytes()))
        steps, _ = bench.steps(picture, "", query.right)
        if number % 2 == 0:
            generator = np.random.default_rng(number)
            method = METHODS[(number // 2) % len(METHODS)]
            hidden, _ = conceal(picture, random_box(generator), method, float(generator.uniform(0.06, 0.2)))
            steps = {**steps, **bench.concealed(picture, hidden, query.right)}
        for step, name in STEPS.items():
            found[step] += [steps[name]] if name in steps else []
    return found


def rows_of(model: str, name: str, found: Ranks) -> list[str]:
    """A row of the table: recall@1 of each step, with its interval."""
    return [model, name, str(len(found["cosine"])), *(_recall(np.array(found[step])) for step in STEPS)]


def _recall(ranks: npt.NDArray[np.float64]) -> str:
    hits = (ranks <= 1).astype(np.float64)
    low, high = bootstrap_interval(hits)
    return f"{hits.mean():.3f} [{low:.3f}, {high:.3f}]"


def measured(data: Path, most: int, models: Sequence[str], folder: Path) -> Iterator[list[str]]:
    """The rows of every model that is here, set by set."""
    sets, features = Sets.of(data, 1), None
    for model in models:
        card = registry.get(model)
        if weights.status(card) != "here":
            sys.stderr.write(f"{card.name} is left out: {weights.status(card)}\n")
            continue
        workspace = folder / card.name
        if not workspace.exists():
            # Likelihoods are not measured here.
            Workspace.create(workspace, card.name, self_test_products=0)
            if features is not None:
                shutil.copytree(features, workspace / features.name)
        with indexed(argparse.Namespace(model=card.name, folder=workspace), lambda _: sets.feeds) as made:
            # What the table shows is found without reading text, which takes longer than all the rest.
            bench, features = replace(Bench.of(made, {}), text_reader=None), made.root / "features"
            for name, queries in sets.queries.items():
                taken = queries[:: math.ceil(len(queries) / most)]
                row = rows_of(bench.encoder.card.name, name, ranks_of(bench, taken))
                # Models take long: what is measured is seen at once, and is not lost where a later one fails.
                sys.stderr.write(" | ".join(row) + "\n")
                yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--report", type=page_for("models"))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        rows = list(measured(options.data, options.most, options.models, options.folder or Path(temporary)))
    command = f"python -m benchmarks.models DATA --most {options.most}"
    words = f"`{command}`; {machine()}; recall@1, in brackets 95 % intervals."
    write_part(options.report, "models", [words, "", *table(["model", "set", "queries", *STEPS], rows)])


if __name__ == "__main__":
    main()
