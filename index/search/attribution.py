"""The brands and retailers that an answer's candidates speak for, each with a calibrated likelihood.

A brand can be right where the very product is not in the catalogue: its other products share patterns, letters and the
shape of labels. So a brand's likelihood is not the sum of its products' but a calibration of its own, fitted by the
self-test on answers with the product, without it, and without any product of its brand; and on answers to photos of
products that have no brand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.generations.choice_model import ChoiceModel
from index.records.names import NameKind, Names
from index.search.answer import Attribution, Candidate
from index.search.score_scale import NO_RIVAL, on_scale

SIGNALS = ("score", "margin to all others", "inliers")
# How many candidates, best first, speak for their brands and retailers.
DEPTH = 30
# How many answers of a self-test must have candidates left when those of the right name are taken out: fewer cannot
# tell when no name is right, and in a catalogue of a single brand nothing can.
MIN_WITHOUT_NAME = 10
# How many names an answer lists at most, and the likelihood below which none is worth listing.
MAX_NAMES = 5
MIN_LIKELIHOOD = 0.02


@dataclass(frozen=True)
class Support:
    """What speaks for each name: its key, the name to show, the ranks of its candidates, float64 [n, len(SIGNALS)]."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    ranks: tuple[tuple[int, ...], ...]
    signals: npt.NDArray[np.float64]


def attribute(
    candidates: Sequence[Candidate], kind: NameKind, names: Names, likelihood: ChoiceModel | None
) -> tuple[Attribution, ...]:
    """The brands or retailers of candidates, best first; without a calibration on SIGNALS they have no likelihood.

    One on other signals was fitted by a former version; the next re-index fits it anew. Likelihoods sum to less than 1:
    one object has one brand, which may be none of them.
    """
    found = support(candidates, kind, names)
    if not found.keys:
        return ()
    if likelihood is None or likelihood.signals != SIGNALS:
        order = np.argsort(-found.signals[:, 0], kind="stable")[:MAX_NAMES].tolist()
        return tuple(Attribution(found.names[index], None, found.ranks[index]) for index in order)
    values = likelihood.of(found.signals)
    order = np.argsort(-values, kind="stable")[:MAX_NAMES].tolist()
    listed = [index for index in order if values[index] >= MIN_LIKELIHOOD]
    return tuple(Attribution(found.names[index], float(values[index]), found.ranks[index]) for index in listed)


def support(candidates: Sequence[Candidate], kind: NameKind, names: Names) -> Support:
    """The signals of each name that the first DEPTH candidates carry, in the order of their first candidate.

    For each name: its best score and the margin to the best candidate without the name, both on the scale of
    score_scale.py; and the most keypoints that one of its candidates shares with a query picture, as log(1 + n). A
    candidate without any name is a rival, too: a product without a brand that fits better speaks against all brands.
    How many candidates have the name says less than how many products it has: with it more brands were wrong
    (docs/cases.md).
    """
    considered = candidates[:DEPTH]
    scores = on_scale([candidate.score for candidate in considered])
    inliers = [max((found.inliers for found in one.evidence.matched), default=0) for one in considered]
    places: dict[str, list[int]] = {}
    shown: dict[str, str] = {}
    for place, candidate in enumerate(considered):
        for key, name in spoken_for(candidate, kind, names).items():
            places.setdefault(key, []).append(place)
            shown.setdefault(key, name)
    rows = []
    for own in places.values():
        best, rivals = scores[own].max(), np.delete(scores, own)
        margin = best - (rivals.max() if len(rivals) else NO_RIVAL)
        rows.append([best, margin, np.log1p(max(inliers[place] for place in own))])
    return Support(
        tuple(places),
        tuple(shown.values()),
        tuple(tuple(considered[place].rank for place in own) for own in places.values()),
        np.array(rows, np.float64).reshape(-1, len(SIGNALS)),
    )


def spoken_for(candidate: Candidate, kind: NameKind, names: Names) -> Mapping[str, str]:
    """The brands or retailers of a candidate, by key: of a product with several brands each; of an object none."""
    fields = candidate.entry.fields
    if candidate.entry.collection == "objects":
        return {}
    if kind == "brands":
        spelled: tuple[str, ...] = fields.several("brand")
    elif candidate.availability is not None:
        spelled = candidate.availability.retailers
    else:
        spelled = (fields.retailer,) if fields.retailer else ()
    return {names.key(kind, name): names.name(kind, name) for name in reversed(spelled)}
