"""How often a country is named rightly: of objects and of series, with the product in the catalogue and without it.

    python -m benchmarks.cases [--objects 100] [--series 30] [--model starter] [--folder DIR] [--report docs/cases.md]

The products of the installed sample are given planted countries, shops and years; an object is a simulated photo of
one, and a series three objects whose products are all sold in the country of one household. Each object is searched for
once; without its product the candidates are the others, with their scores as they are. Likelihoods are those of the
generation's own calibration, as users get them. As few series say little of a calibration, many are drawn from the
objects that were searched for. `--fit` prints what the exponent of a series' evidence does, for series of either half
of the objects.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.indexed import indexed, options_for
from benchmarks.report import write_part
from embedding.augment.simulate import simulate
from index.generations.calibration import expected_calibration_error
from index.generations.generations import Generation, open_live
from index.models import workspace_encoder
from index.records.entries import Entry
from index.search.answer import Candidate, Query, QueryImage
from index.search.likelihood import apply_likelihood
from index.search.provenance import EXPONENT, ObjectClues, provenance
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
REDRAWN = 1000
EXPONENTS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
LIMIT = 24


# Pairs of the household's country and the clues of one object, or of several.
Asked = Sequence[tuple[str, Sequence[ObjectClues]]]


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
            found = apply_likelihood(left, generation.likelihood)
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


def cases(workspace: Workspace, objects: int, series: int) -> list[list[Case]]:
    """Series of SIZE objects each, then further objects alone, searched for."""
    workspace, encoder = workspace_encoder(workspace, print)
    generation, reranker = open_live(workspace), reranker_for(workspace)
    images, random = ImageStore(workspace.objects), np.random.default_rng(1)
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
    measured: dict[str, list[Told]] = defaultdict(list)
    yield "| | number | a country is told | told and right | calibration error | unknown leads |"
    yield "|---|--:|--:|--:|--:|--:|"
    for without, label in ((False, ""), (True, ", product not in the catalogue")):
        clues = [[case.clues(without_product=without, generation=generation) for case in group] for group in groups]
        countries = [group[0].country for group in groups]
        single = [(country, one) for country, group in zip(countries, clues, strict=True) for one in group]
        together = [(country, group) for country, group in zip(countries, clues, strict=True) if len(group) == SIZE]
        alone = [(country, one) for country, group in together for one in group]
        flat = [case for group in groups for case in group]
        listed = [one for group in clues for one in group]
        drawn = [(country, [listed[place] for place in places]) for country, places in redrawn(flat, REDRAWN)]
        for name, asked in (
            ("objects", [(country, [one]) for country, one in single]),
            ("objects of a series, alone", [(country, [one]) for country, one in alone]),
            ("series of three", together),
            ("series of three, drawn from all objects", drawn),
            ("the same, shared evidence counted twice", [(country, _detached(group)) for country, group in drawn]),
        ):
            measured[name].append(Told.of(asked, prior))
            yield measured[name][-1].row(f"{name}{label}")
    for name, (with_product, without_product) in measured.items():
        yield with_product.joined(without_product).row(f"{name}, one half without")


def _detached(group: Sequence[ObjectClues]) -> list[ObjectClues]:
    """The clues of a series as if none of them shared a shop or a family."""
    return [
        replace(one, candidates=tuple(replace(clue, sources=frozenset()) for clue in one.candidates)) for one in group
    ]


@dataclass(frozen=True)
class Told:
    """Of each case: the likeliest country's probability, whether it is right and told, and whether unknown leads."""

    shares: npt.NDArray[np.float64]
    hits: npt.NDArray[np.bool_]
    told: npt.NDArray[np.bool_]
    unknown: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, asked: Asked, prior: Mapping[str, float], exponent: float = EXPONENT) -> Told:
        found = [(country, provenance(clues, prior, exponent).sold) for country, clues in asked]
        leaders = [sold.values[0] if sold.values else ("", 0.0) for _, sold in found]
        return cls(
            np.array([share for _, share in leaders]),
            np.array([leader == country for (leader, _), (country, _) in zip(leaders, found, strict=True)]),
            np.array([bool(sold.told) for _, sold in found]),
            np.array([sold.unknown > share for (_, share), (_, sold) in zip(leaders, found, strict=True)]),
        )

    def joined(self, other: Told) -> Told:
        both = zip(vars(self).values(), vars(other).values(), strict=True)
        return Told(*(np.concatenate(pair) for pair in both))

    @property
    def error(self) -> float:
        return expected_calibration_error(self.shares, self.hits)

    @property
    def right(self) -> str:
        return f"{self.hits[self.told].mean():.3f}" if self.told.any() else "–"

    def row(self, name: str) -> str:
        cells = f"{self.told.mean():.3f} | {self.right} | {self.error:.3f} | {self.unknown.mean():.3f}"
        return f"| {name} | {len(self.shares)} | {cells} |"


def redrawn(objects: Sequence[Case], number: int) -> list[tuple[str, list[int]]]:
    """Series of SIZE objects whose products are sold in one country, drawn anew from those that were searched for.

    Each is a country and places in `objects`. An object was searched for the oftener the more countries its product is
    sold in, and is drawn the less often for it.
    """
    random = np.random.default_rng(2)
    sold_in = [case.product.fields.several("country") for case in objects]
    found: list[tuple[str, list[int]]] = []
    while len(found) < number:
        country = str(random.choice(COUNTRIES))
        sold = [place for place, countries in enumerate(sold_in) if country in countries]
        if len(sold) >= SIZE:
            weights = np.array([1 / len(sold_in[place]) for place in sold])
            found.append((country, random.choice(sold, SIZE, replace=False, p=weights / weights.sum()).tolist()))
    return found


def fit(objects: Sequence[Case], generation: Generation) -> Iterator[str]:
    """By exponent, the calibration of series of each half of the objects, whose products are taken out in one half."""
    order = np.random.default_rng(3).permutation(len(objects)).tolist()
    halves = []
    for half in (order[: len(order) // 2], order[len(order) // 2 :]):
        chosen = [objects[place] for place in half]
        series = redrawn(chosen, REDRAWN)
        for without in (False, True):
            clues = [case.clues(without_product=without, generation=generation) for case in chosen]
            halves.append([(country, [clues[place] for place in places]) for country, places in series])
    yield "| exponent | error, first half | told | right | error, second half | told | right |"
    yield "|--:|--:|--:|--:|--:|--:|--:|"
    for exponent in EXPONENTS:
        one, one_out, other, other_out = (
            Told.of(asked, generation.records.country_shares, exponent) for asked in halves
        )
        cells = [
            f"{both.error:.3f} | {both.told.mean():.3f} | {both.right}"
            for both in (one.joined(one_out), other.joined(other_out))
        ]
        yield f"| {exponent} | {' | '.join(cells)} |"


def main() -> None:
    parser = options_for(__doc__, "cases")
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--series", type=int, default=30)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    with indexed(options, lambda folder: [planted(folder / "planted")]) as workspace:
        groups = cases(workspace, options.objects, options.series)
        generation = open_live(workspace)
        write_part(options.report, "cases", report(groups, generation))
        if options.fit:
            write_part(None, "", fit([case for group in groups for case in group], generation))


if __name__ == "__main__":
    main()
