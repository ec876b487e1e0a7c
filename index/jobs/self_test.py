"""The self-test: how well a generation finds its own products in simulated photos, and its calibration.

No labels are needed: products are sampled, and a simulated photo of each is searched for. An answer without the right
product is an example of a search whose product is not in the catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

import numpy as np
import numpy.typing as npt

from embedding.augment.simulate import simulate
from embedding.image.regions import WHOLE
from index.generations.calibration import Likelihood, area_under_roc, expected_calibration_error
from index.generations.choice_model import ChoiceModel
from index.generations.families import availability
from index.generations.generations import Generation
from index.generations.manifest import SelfTest
from index.jobs.context import JobContext
from index.records.entries import Entry
from index.records.names import KINDS, NameKind
from index.search import attribution
from index.search.answer import Candidate, Evidence, Query, QueryImage
from index.search.attribution import spoken_for, support
from index.search.likelihood import SIGNALS, signals
from index.search.search import search
from index.stores.images import ImageStore

# With fewer products neither recall nor calibration would be reliable.
MIN_PRODUCTS = 30
# How many candidates of each answer are examples for the calibration: those that people look at.
EXAMPLES_PER_ANSWER = 5
# Temperature scaling of the log-odds, because scores of right and wrong answers are closer for real photos.
TEMPERATURE = 0.75
# The same for names, which real photos tell apart better than simulated ones do; docs/cases.md has the measurement.
NAMES_TEMPERATURE = 1.3


@dataclass(frozen=True)
class _Example:
    """The first candidates of an answer: their signals [n, s], and which of them are right [n]."""

    signals: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _NameExamples:
    """The names of an answer's candidates, once with and once without the product, and without any of its name.

    `with_name` is empty of a product without a name: then none of those that are found is right.
    """

    with_name: tuple[_Example, ...]
    without_name: _Example


def self_test(
    generation: Generation, context: JobContext
) -> tuple[SelfTest, Likelihood, Mapping[NameKind, ChoiceModel]] | None:
    """Measure a generation on some of its own products and fit its likelihoods; None where it has too few.

    The likelihoods are those of candidates, and of the brands and of the retailers that candidates speak for, as far as
    the products have several of them.

    The sample and the simulated photos depend only on the products' ids and pictures, so that two generations with the
    same products are compared on the same photos.
    """
    sampled = sample(list(generation.records.entries("catalogue")), context.workspace.settings.self_test_products)
    if len(sampled) < MIN_PRODUCTS:
        return None
    ranks: list[float] = []
    examples: list[tuple[_Example, _Example]] = []
    names: dict[NameKind, list[_NameExamples]] = {kind: [] for kind in KINDS}
    with context.progress.step("self-test", len(sampled)) as tick:
        for entry in sampled:
            query, right = simulated_query(entry, context.images)
            found = search(
                query, generation, context.encoder, context.reranker, text_reader=context.text_reader
            ).candidates
            correct = np.array([bool(right & set(candidate.entry.images)) for candidate in found], bool)
            ranks.append(float(np.argmax(correct)) + 1 if correct.any() else np.inf)
            without = tuple(c for c, is_right in zip(found, correct, strict=True) if not is_right)
            examples.append((_example(found, correct), _example(without, np.zeros(len(without), bool))))
            for kind in KINDS:
                names[kind].append(_name_examples(entry, found, without, kind, generation))
            tick(1)
    first = np.array(ranks)
    likelihoods, right_first = _cross_fitted(examples)
    measured = SelfTest(
        products=len(sampled),
        recall_at_1=float((first <= 1).mean()),
        recall_at_5=float((first <= 5).mean()),
        recall_at_10=float((first <= 10).mean()),
        calibration_error=expected_calibration_error(likelihoods, right_first),
        area_under_roc=area_under_roc(likelihoods, right_first),
    )
    reranked = context.reranker is not None
    attributions = {
        kind: replace(model, reranked=reranked) for kind in KINDS if (model := _fit_names(names[kind])) is not None
    }
    return measured, replace(_fit(examples), reranked=reranked), attributions


def sample(entries: Sequence[Entry], most: int) -> list[Entry]:
    """At most `most` products, equally many of every source as far as it has them.

    Of a source those with the smallest hashes, so that a growing catalogue keeps most of its sample.
    """
    sources: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=_key):
        sources.setdefault(entry.source, []).append(entry)
    rounds = zip_longest(*(sources[name] for name in sorted(sources)))
    return list(islice((entry for entries in rounds for entry in entries if entry is not None), most))


def simulated_query(entry: Entry, images: ImageStore) -> tuple[Query, set[str]]:
    """A query with a simulated photo of a product, and the images that are right answers.

    If the product has other pictures, the one that was simulated may not answer, as a real photo is not in the
    catalogue.
    """
    seed = int(_key(entry)[:16], 16)
    chosen = entry.images[seed % len(entry.images)]
    photo = simulate(images.pixels(chosen), np.random.default_rng(seed))
    excluded = (chosen,) if len(entry.images) > 1 else ()
    query = Query((QueryImage(photo.image),), limit=attribution.DEPTH, without_images=excluded)
    return query, set(entry.images)


def _key(entry: Entry) -> str:
    return hashlib.sha256(f"{entry.source}\n{entry.fields.entry_id}".encode()).hexdigest()


def _example(candidates: tuple[Candidate, ...], right: npt.NDArray[np.bool_]) -> _Example:
    if not candidates:
        return _Example(np.empty((0, len(SIGNALS))), np.empty(0, bool))
    return _Example(signals(candidates)[:EXAMPLES_PER_ANSWER], right[:EXAMPLES_PER_ANSWER])


def _name_examples(
    entry: Entry, found: Sequence[Candidate], without: Sequence[Candidate], kind: NameKind, generation: Generation
) -> _NameExamples:
    """The examples of an answer: with the product, without it, and without any product of its brand or retailer."""
    own = Candidate(
        1, entry, 0.0, None, "", Evidence((), None, WHOLE), availability(generation.records.family(entry.id))
    )
    right = set(spoken_for(own, kind, generation.names))
    others = [one for one in without if not right & set(spoken_for(one, kind, generation.names))]

    def example(candidates: Sequence[Candidate]) -> _Example:
        spoken = support(candidates, kind, generation.names)
        is_right = np.array([key in right for key in spoken.keys], bool)
        best = np.argsort(-spoken.signals[:, 0], kind="stable")[:EXAMPLES_PER_ANSWER]
        return _Example(spoken.signals[best], is_right[best])

    return _NameExamples((example(found), example(without)) if right else (), example(others))


def _fit(examples: Sequence[tuple[_Example, _Example]]) -> Likelihood:
    parts = [part for pair in examples for part in pair]
    fitted = Likelihood.fit(
        SIGNALS, np.concatenate([part.signals for part in parts]), np.concatenate([part.right for part in parts])
    )
    return fitted.temperature_scaled(TEMPERATURE)


def _fit_names(examples: Sequence[_NameExamples]) -> ChoiceModel | None:
    """The likelihood of names; None where too few answers show what is found when no name is right."""
    if sum(len(answer.without_name.right) > 0 for answer in examples) < attribution.MIN_WITHOUT_NAME:
        return None
    parts = [part for answer in examples for part in (*answer.with_name, answer.without_name)]
    fitted = ChoiceModel.fit(attribution.SIGNALS, [(part.signals, part.right) for part in parts])
    return fitted.temperature_scaled(NAMES_TEMPERATURE)


def _cross_fitted(
    examples: Sequence[tuple[_Example, _Example]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The likelihood of each answer's first candidate by the other half's calibration, and whether it is right."""
    likelihoods: list[float] = []
    right: list[bool] = []
    for half in (0, 1):
        fitted = _fit(examples[1 - half :: 2])
        for example in (part for pair in examples[half::2] for part in pair):
            if len(example.right):
                likelihoods.append(float(fitted.of(example.signals)[0]))
                right.append(bool(example.right[0]))
    return np.array(likelihoods), np.array(right, bool)
