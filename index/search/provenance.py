"""Where and when an object was sold, from its candidates and further clues; of one object, and of a series.

One object: P(c) = sum over its clues of weight x [c in the clue's countries] / their number; what is left is unknown.
Of a candidate only COVERAGE of its likelihood counts.
Each clue's weight is a calibrated likelihood, so the picture is never more certain than its evidence.

Several objects of one case, by Bayes' theorem with the countries' shares of the catalogue as prior, which each object's
likelihoods have in them:

    P(c | all) ~ prior(c) x product over objects of (P_object(c) / prior(c) + unknown_object) ^ exponent

An object that is unknown says what the prior says. What a country owes to the prior in all objects at once stays
unknown. Objects that share a family or a shop are not independent: such evidence is counted once, where it weighs most.
The others depend on each other all the same, through one catalogue and one model: hence the exponent, of a logarithmic
opinion pool (Genest and Zidek, "Combining probability distributions", 1986). What a person decided keeps its weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

# A decision is a product that a person identified.
ClueKind = Literal["product", "decision", "barcode", "language"]

# From this probability on a country is told: on rendered cases lower ones were right too seldom (benchmarks/cases.py).
TOLD = 0.65
# The share of a candidate's likelihood that counts, as the catalogue may lack the product, and the exponent of each
# object's evidence in a series; both chosen on rendered cases, in one half of which the catalogue lacks the product:
# python -m benchmarks.cases --fit.
COVERAGE = 0.85
EXPONENT = 0.8
# No combination of evidence is more certain than this: catalogues and families have errors of their own.
MAX_CERTAINTY = 0.99
# The prior of all countries that the catalogue does not know, and the least prior of one that it knows.
PRIOR_ELSEWHERE = 0.1
MIN_PRIOR = 0.005


@dataclass(frozen=True)
class Clue:
    """What speaks for countries and years: a product family, a barcode's prefix, a language that was read.

    `weight`: the probability that it applies, 0..1. `years`: the first and last on sale, both included, or None.
    `sources`: what it rests on, such as its family and its shops; evidence that shares one is not independent.
    """

    kind: ClueKind
    label: str
    weight: float
    countries: tuple[str, ...] = ()
    made_in: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Distribution:
    """Probabilities, most likely first; together with `unknown` they are 1."""

    values: tuple[tuple[str, float], ...]
    unknown: float

    @property
    def told(self) -> str:
        """The value that is likely enough to be told, or an empty text."""
        return self.values[0][0] if self.values and self.values[0][1] >= TOLD else ""


@dataclass(frozen=True)
class ObjectClues:
    """The clues of one object: candidates exclude each other, further clues are independent of them.

    `too_late`: candidates that are no clue, because they came on sale after the object was last seen.
    """

    name: str
    candidates: tuple[Clue, ...] = ()
    further: tuple[Clue, ...] = ()
    too_late: tuple[Clue, ...] = ()

    @property
    def all(self) -> tuple[Clue, ...]:
        """Every clue that counts, candidates first."""
        return (*self.candidates, *self.further)


@dataclass(frozen=True)
class Provenance:
    """Where things were sold and, apart from it, made; by year how likely it is that all of them were on sale by then.

    `left_out`: clues of a series that were not counted, since they share a family or a shop with one that was.
    """

    sold: Distribution
    made: Distribution
    on_sale_by: tuple[tuple[int, float], ...]
    left_out: tuple[Clue, ...] = ()


@dataclass(frozen=True)
class _Factor:
    """The probability of each place by clues that exclude each other, and the exponent of that evidence."""

    places: Mapping[str, float]
    exponent: float

    @property
    def unknown(self) -> float:
        """What the clues leave to 1."""
        return max(0.0, 1 - sum(self.places.values()))


def provenance(objects: Sequence[ObjectClues], prior: Mapping[str, float], exponent: float = EXPONENT) -> Provenance:
    """The provenance of one object, or of several that belong together.

    Args:
        prior: by country, its share of the catalogue.
        exponent: of the evidence of each object, where several have any.
    """
    kept, left_out = _independent(objects)
    together = sum(bool(one.all) for one in kept) > 1
    groups = [group for one in kept for group in (one.candidates, *((clue,) for clue in one.further)) if group]
    powers = [1.0 if not together or _decided(group) else exponent for group in groups]
    sold, made = (
        _combined(
            [_Factor(_mixture(group, places), power) for group, power in zip(groups, powers, strict=True)], shares
        )
        for places, shares in (("countries", prior), ("made_in", {}))
    )
    return Provenance(sold, made, _on_sale_by([one.candidates for one in objects if one.candidates]), left_out)


def exclusive(clues: Iterable[Clue]) -> tuple[Clue, ...]:
    """Clues of which at most one is true, such as candidates: weights that sum to more than 1 are scaled."""
    listed = sorted(clues, key=lambda clue: -clue.weight)
    total = max(1.0, sum(clue.weight for clue in listed))
    return tuple(replace(clue, weight=clue.weight / total) for clue in listed)


def _independent(objects: Sequence[ObjectClues]) -> tuple[list[ObjectClues], tuple[Clue, ...]]:
    """The objects without clues that share a source with a heavier clue of another object, and those clues."""
    owned: dict[str, int] = {}
    dropped: set[tuple[int, Clue]] = set()
    ordered = sorted(
        ((number, clue) for number, one in enumerate(objects) for clue in one.all),
        key=lambda item: -item[1].weight,
    )
    for number, clue in ordered:
        if any(owned.get(source, number) != number for source in clue.sources):
            dropped.add((number, clue))
            continue
        owned.update(dict.fromkeys(clue.sources, number))
    kept = [
        replace(
            one,
            candidates=tuple(clue for clue in one.candidates if (number, clue) not in dropped),
            further=tuple(clue for clue in one.further if (number, clue) not in dropped),
        )
        for number, one in enumerate(objects)
    ]
    return kept, tuple(clue for _, clue in sorted(dropped, key=lambda item: -item[1].weight))


def _decided(clues: Sequence[Clue]) -> bool:
    return any(clue.kind == "decision" for clue in clues)


def _mixture(clues: Sequence[Clue], places: str) -> dict[str, float]:
    """The probability of each place by clues that exclude each other; what is left to 1 is unknown."""
    found: dict[str, float] = {}
    for clue in clues:
        named: tuple[str, ...] = getattr(clue, places)
        weight = clue.weight * (COVERAGE if clue.kind == "product" else 1.0)
        for place in named:
            found[place] = found.get(place, 0.0) + weight / len(named)
    return found


def _combined(factors: Sequence[_Factor], prior: Mapping[str, float]) -> Distribution:
    """Factors multiplied; one factor alone, with the exponent 1, is itself."""
    places = sorted({place for factor in factors for place in factor.places})
    if not places:
        return Distribution((), 1.0)
    even = (1 - PRIOR_ELSEWHERE) / len(places)
    shares = {place: max(prior.get(place, MIN_PRIOR if prior else even), MIN_PRIOR) for place in places}
    total = sum(shares.values())
    # What the catalogue sells elsewhere, and countries that it does not know, share the rest.
    if total > 1 - PRIOR_ELSEWHERE:
        shares = {place: share * (1 - PRIOR_ELSEWHERE) / total for place, share in shares.items()}
    nothing_known = prod(factor.unknown**factor.exponent for factor in factors)
    weights = {}
    for place, share in shares.items():
        ratios = ((factor.places.get(place, 0.0) / share + factor.unknown, factor.exponent) for factor in factors)
        weights[place] = share * (prod(ratio**exponent for ratio, exponent in ratios) - nothing_known)
    whole = sum(weights.values()) + nothing_known
    if whole <= 0:
        # Factors that are all certain, and contradict each other.
        return Distribution((), 1.0)
    known = sum(weights.values()) / whole
    scale = min(1.0, MAX_CERTAINTY / known) if known > 0 else 1.0
    values = sorted(((place, scale * weight / whole) for place, weight in weights.items()), key=lambda item: -item[1])
    listed = tuple((place, value) for place, value in values if value > 0)
    return Distribution(listed, 1 - sum(value for _, value in listed))


def _on_sale_by(objects: Sequence[Sequence[Clue]]) -> tuple[tuple[int, float], ...]:
    """For each year in which one of the clues began, the probability that every object was on sale by then.

    An object's clues without years say nothing of it, so that the probability never reaches 1.
    """
    years = sorted({clue.years[0] for clues in objects for clue in clues if clue.years})
    listed = []
    for year in years:
        everything = 1.0
        for clues in objects:
            everything *= sum(clue.weight for clue in clues if clue.years and clue.years[0] <= year)
        listed.append((year, everything))
    return tuple(listed)
