"""A calibration of choices: which of several alternatives is right, or that none is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from index.generations.calibration import LinearModel, Matrix

# Strength of the ridge penalty on standardised signals: it keeps probabilities of a small sample away from 0 and 1.
RIDGE = 1.0
STEPS = 100
_MAX_LOG_ODDS = 30.0


@dataclass(frozen=True)
class ChoiceModel(LinearModel):
    """A conditional logit with the further alternative "none of them".

        P(alternative) = exp(weights . signals + bias) / (1 + sum of the same over all alternatives)

    Method: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974; fitted with a ridge penalty on
    standardised signals by Newton's method.
    """

    @classmethod
    def fit(cls, names: tuple[str, ...], examples: Sequence[tuple[Matrix, npt.NDArray[np.bool_]]]) -> Self:
        """Fit on examples: of each the signals float64 [n, len(names)] and which alternative is right, bool [n].

        In an example without a right one "none" is right. Without any alternative at all nothing is ever likely.
        """
        examples = [(signals, right) for signals, right in examples if len(right)]
        if not examples:
            zeros = (0.0,) * len(names)
            return cls(names, zeros, (1.0,) * len(names), zeros, -_MAX_LOG_ODDS)
        everything = np.concatenate([signals for signals, _ in examples])
        centre, scale = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1e-9)
        designs = [
            np.hstack([(signals - centre) / scale, np.ones((len(signals), 1))]).astype(np.float64)
            for signals, _ in examples
        ]
        penalty = np.diag([RIDGE] * len(names) + [1e-3])
        beta = np.zeros(len(names) + 1)
        for _ in range(STEPS):
            gradient, curvature = penalty @ beta, penalty.copy()
            for design, (_, right) in zip(designs, examples, strict=True):
                probability = _choose(design @ beta)
                gradient += design.T @ (probability - right)
                curvature += design.T @ (np.diag(probability) - np.outer(probability, probability)) @ design
            step = np.linalg.solve(curvature, gradient)
            beta -= step
            if np.abs(step).max() < 1e-9:
                break
        return cls(names, tuple(centre.tolist()), tuple(scale.tolist()), tuple(beta[:-1].tolist()), float(beta[-1]))

    def of(self, signals: Matrix) -> npt.NDArray[np.float64]:
        """The probability of each alternative: signals [n, len(names)] -> [n], which sum to less than 1."""
        return _choose(self.log_odds(signals))


def _choose(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    odds = np.exp(np.clip(log_odds, -_MAX_LOG_ODDS, _MAX_LOG_ODDS))
    return np.asarray(odds / (1 + odds.sum()), np.float64)
