"""How often a country is named rightly: of objects and of series, with the product in the catalogue and without it.

    python -m benchmarks.cases [--objects 100] [--series 30] [--model starter] [--folder DIR] [--report docs/cases.md]

The products of the installed sample are given planted countries, shops and years; an object is a simulated photo of
one, and a series three objects whose products are all sold in the country of one household. Each object is searched for
once; without its product the candidates are the others, with their scores as they are. Likelihoods are those of the
generation's own calibration, as users get them.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.report import page_for, write_part
from embedding.augment.simulate import simulate
from index.generations.calibration import expected_calibration_error
from index.generations.generations import Generation, open_live
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.entries import Entry
from index.search.answer import Candidate, Query, QueryImage
from index.search.likelihood import apply_likelihood
from index.search.provenance import TOLD, ObjectClues, provenance
from index.search.rerank import reranker_for
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.app.series import clues_of
from service.demo.sample import CATALOGUE, PICTURES

COUNTRIES = ("NL", "BE", "DE", "FR", "GB", "PL", "SE", "IT", "ES", "AT")
SHOPS_PER_COUNTRY = 4
# How many countries a product is sold in, and how often.
SPREAD = ((1, 0.55), (2, 0.2), (4, 0.15), (10, 0.1))
SIZE = 3
LIMIT = 24


@dataclass(frozen=True)
class Case:
    """One object: the country of the household that it was photographed in, its product, and its candidates."""

    country: str
    product: Entry
    candidates: tuple[Candidate, ...]

    def clues(self, *, without_product: bool, generation: Generation) -> ObjectClues:
        found = self.candidates
        if without_product:
            shown = set(self.product.images)
            left = tuple(one for one in found if not shown & set(one.entry.images))
            _, found = apply_likelihood(left, generation.likelihood)
        return clues_of(None, found, [])


def planted(folder: Path) -> Path:
    """A copy of the sample's feed with planted countries, retailers and days, by a fixed seed."""
    random = np.random.default_rng(0)
    with (PICTURES / CATALOGUE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    plan: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["product_id"] in plan:
            continue
        number = int(random.choice([count for count, _ in SPREAD], p=[share for _, share in SPREAD]))
        sold = sorted(random.choice(COUNTRIES, number, replace=False).tolist())
        first = int(random.integers(2004, 2020))
        plan[row["product_id"]] = {
            "country": " | ".join(sold),
            "retailer": f"{sold[0]} shop {random.integers(SHOPS_PER_COUNTRY)}",
            "first_seen": f"{first}-01-01",
            "last_seen": f"{first + int(random.integers(1, 6))}-12-31",
        }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "planted.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *(name for name in next(iter(plan.values())) if name not in rows[0])])
        writer.writeheader()
        writer.writerows(
            {**row, "path": str((PICTURES / row["path"]).resolve()), **plan[row["product_id"]]} for row in rows
        )
    return path


def index(folder: Path, model: str) -> Workspace:
    workspace = Workspace.open(folder) if (folder / "traceobject.toml").exists() else Workspace.create(folder, model)
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("planted", "catalogue", str(planted(folder / "planted").resolve()), "auto")
    workspace, encoder = workspace_encoder(workspace, print)
    reindex(workspace, encoder, Unwatched(), reranker_for(workspace))
    return workspace


def cases(workspace: Workspace, objects: int, series: int) -> list[list[Case]]:
    """Series of SIZE objects each, then further objects alone, searched for."""
    workspace, encoder = workspace_encoder(workspace, print)
    generation, reranker = open_live(workspace), reranker_for(workspace)
    images, random = ImageStore(workspace.images), np.random.default_rng(1)
    entries = list(generation.records.entries("catalogue"))
    chosen: list[list[tuple[str, Entry]]] = []
    for number in range(series + max(0, objects - SIZE * series)):
        country = str(random.choice(COUNTRIES))
        sold = [entry for entry in entries if country in entry.fields.several("country")]
        size = SIZE if number < series else 1
        chosen.append([(country, sold[place]) for place in random.choice(len(sold), size, replace=False).tolist()])
    found: list[list[Case]] = []
    for group in tqdm(chosen, mininterval=10):
        found.append([])
        for country, product in group:
            photo = simulate(images.pixels(product.images[0]), random)
            # The very picture is not searched: a crop never is the shop's own picture.
            without = product.images[:1] if len(product.images) > 1 else ()
            query = Query((QueryImage(photo.image),), limit=LIMIT, without_images=without)
            answer = search(query, generation, encoder, reranker)
            found[-1].append(Case(country, product, answer.candidates))
    return found


def report(groups: Sequence[Sequence[Case]], generation: Generation) -> Iterator[str]:
    prior = generation.records.country_shares
    yield "| | number | a country is told | told and right | calibration error | unknown leads |"
    yield "|---|--:|--:|--:|--:|--:|"
    for without, label in ((False, ""), (True, ", product not in the catalogue")):
        clues = [[case.clues(without_product=without, generation=generation) for case in group] for group in groups]
        countries = [group[0].country for group in groups]
        single = [(country, one) for country, group in zip(countries, clues, strict=True) for one in group]
        together = [(country, group) for country, group in zip(countries, clues, strict=True) if len(group) == SIZE]
        alone = [(country, one) for country, group in together for one in group]
        for name, asked in (
            ("objects", [(country, [one]) for country, one in single]),
            ("objects of a series, alone", [(country, [one]) for country, one in alone]),
            ("series of three", together),
            ("series, the same evidence counted twice", [(country, _detached(group)) for country, group in together]),
        ):
            yield _row(f"{name}{label}", asked, prior)


def _detached(group: Sequence[ObjectClues]) -> list[ObjectClues]:
    """The clues of a series as if none of them shared a shop or a family."""
    return [
        replace(one, candidates=tuple(replace(clue, sources=frozenset()) for clue in one.candidates)) for one in group
    ]


def _row(name: str, asked: Sequence[tuple[str, Sequence[ObjectClues]]], prior: Mapping[str, float]) -> str:
    best, right, unknown = [], [], []
    for country, clues in asked:
        sold = provenance(clues, prior).sold
        leader, share = sold.values[0] if sold.values else ("", 0.0)
        best.append(share)
        right.append(leader == country)
        unknown.append(sold.unknown > share)
    shares, hits = np.array(best), np.array(right)
    told = shares >= TOLD
    rate = f"{hits[told].mean():.3f}" if told.any() else "–"
    error = expected_calibration_error(shares, hits)
    return f"| {name} | {len(asked)} | {told.mean():.3f} | {rate} | {error:.3f} | {np.mean(unknown):.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--series", type=int, default=30)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--report", type=page_for("cases"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        workspace = index(options.folder or Path(temporary) / "workspace", options.model)
        groups = cases(workspace, options.objects, options.series)
        write_part(options.report, "cases", report(groups, open_live(workspace)))


if __name__ == "__main__":
    main()
