"""The self-test: how well a generation finds its own products in simulated photos, and what its scores mean.

No labels are needed: products are sampled, a wild view of one of their pictures is simulated and searched for. Taking
the right product out of an answer shows what the same search says when the product is not in the catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

import numpy as np
import numpy.typing as npt

from embedding.augment.simulate import simulate
from index.generations.calibration import Likelihood, area_under_roc, expected_calibration_error
from index.generations.generations import Generation, SelfTest
from index.jobs.context import JobContext
from index.records.entries import Entry
from index.search.answer import Candidate, Query, QueryImage
from index.search.likelihood import SIGNALS, signals
from index.search.search import search
from index.stores.images import ImageStore

# Fewer products teach nothing that can be relied on.
FEWEST = 30
DEPTH = 10
# How many candidates of each answer are examples: those a person would look at.
JUDGED = 5
# How far what simulated photos teach is believed of real ones, whose right and wrong answers lie less far apart.
TEMPERATURE = 0.75


@dataclass(frozen=True)
class _Example:
    """One answer's first candidates: their signals [n, s], and which of them are right [n]."""

    signals: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]


def self_test(generation: Generation, context: JobContext) -> tuple[SelfTest, Likelihood] | None:
    """Measure a generation on some of its own products and fit its likelihood; None where it has too few.

    The sample and the simulated photos depend on the products' pictures alone, so that two generations with the same
    products are compared on the same photos.
    """
    sampled = sample(list(generation.records.entries("catalogue")), context.workspace.settings.self_test_products)
    if len(sampled) < FEWEST:
        return None
    ranks: list[float] = []
    examples: list[tuple[_Example, _Example]] = []
    with context.progress.step("self-test", len(sampled)) as tick:
        for entry in sampled:
            query, right = wild_query(entry, context.images)
            found = search(query, generation, context.encoder, context.reranker).candidates
            correct = np.array([bool(right & set(candidate.entry.images)) for candidate in found], bool)
            ranks.append(float(np.argmax(correct)) + 1 if correct.any() else np.inf)
            without = tuple(c for c, is_right in zip(found, correct, strict=True) if not is_right)
            examples.append((_example(found, correct), _example(without, np.zeros(len(without), bool))))
            tick(1)
    first = np.array(ranks)
    judged, right_first = _cross_fitted(examples)
    return SelfTest(
        products=len(sampled),
        recall_at_1=float((first <= 1).mean()),
        recall_at_5=float((first <= 5).mean()),
        recall_at_10=float((first <= 10).mean()),
        calibration_error=expected_calibration_error(judged, right_first),
        area_under_roc=area_under_roc(judged, right_first),
    ), replace(_fit(examples), reranked=context.reranker is not None)


def sample(entries: Sequence[Entry], most: int) -> list[Entry]:
    """At most `most` products, from every source as many where it has them: the largest is not all there is.

    Of a source those of the smallest hash, so that a catalogue that grows keeps most of its sample.
    """
    sources: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=_key):
        sources.setdefault(entry.source, []).append(entry)
    turns = zip_longest(*(sources[name] for name in sorted(sources)))
    return list(islice((entry for turn in turns for entry in turn if entry is not None), most))


def wild_query(entry: Entry, images: ImageStore) -> tuple[Query, set[str]]:
    """A simulated photo of a product, and the images that are a right answer to it.

    A product with several pictures is asked for by one that then may not answer: a real photo never is the catalogue's.
    """
    seed = int(_key(entry)[:16], 16)
    chosen = entry.images[seed % len(entry.images)]
    view = simulate(images.pixels(chosen), np.random.default_rng(seed))
    hidden = (chosen,) if len(entry.images) > 1 else ()
    query = Query((QueryImage(view.image),), limit=DEPTH, without_images=hidden)
    return query, set(entry.images)


def _key(entry: Entry) -> str:
    return hashlib.sha256(f"{entry.source}\n{entry.fields.entry_id}".encode()).hexdigest()


def _example(candidates: tuple[Candidate, ...], right: npt.NDArray[np.bool_]) -> _Example:
    if not candidates:
        return _Example(np.empty((0, len(SIGNALS))), np.empty(0, bool))
    return _Example(signals(candidates)[:JUDGED], right[:JUDGED])


def _fit(examples: Sequence[tuple[_Example, _Example]]) -> Likelihood:
    parts = [part for pair in examples for part in pair]
    fitted = Likelihood.fit(
        SIGNALS, np.concatenate([part.signals for part in parts]), np.concatenate([part.right for part in parts])
    )
    return fitted.temperature_scaled(TEMPERATURE)


def _cross_fitted(
    examples: Sequence[tuple[_Example, _Example]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The likelihood of each answer's first candidate by a calibration that did not see it, and whether it is right."""
    likelihoods: list[float] = []
    right: list[bool] = []
    for half in (0, 1):
        fitted = _fit(examples[1 - half :: 2])
        for example in (part for pair in examples[half::2] for part in pair):
            if len(example.right):
                likelihoods.append(float(fitted.of(example.signals)[0]))
                right.append(bool(example.right[0]))
    return np.array(likelihoods), np.array(right, bool)
