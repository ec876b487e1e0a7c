"""Calibration: from scores to the likelihood that a candidate is the same product."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from index.errors import GenerationError

Matrix = npt.NDArray[np.float64]

# Strength of the ridge penalty on standardised signals: it keeps likelihoods of a small sample away from 0 and 1.
RIDGE = 1.0
STEPS = 50


@dataclass(frozen=True)
class LinearModel:
    """A linear score of standardised signals, fitted by the self-test of a generation.

    `reranked`: whether it was fitted on re-ranked answers; it does not apply to others.
    """

    signals: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    reranked: bool = True

    def log_odds(self, signals: Matrix) -> Matrix:
        """The score of each row of signals: [n, len(self.signals)] -> [n]."""
        standard = (signals - np.array(self.centre)) / np.array(self.scale)
        return np.asarray(standard @ np.array(self.weights) + self.bias, np.float64)

    def temperature_scaled(self, factor: float) -> Self:
        """The same with its log-odds multiplied: a factor below 1 makes likelihoods less certain.

        Method: temperature scaling (Guo et al., "On calibration of modern neural networks", 2017).
        """
        return replace(self, weights=tuple(factor * weight for weight in self.weights), bias=factor * self.bias)

    def to_json(self) -> str:
        return json.dumps(self.__dict__, indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            GenerationError: the text is something else.
        """
        try:
            raw = json.loads(text)
            return cls(
                tuple(raw["signals"]), tuple(raw["centre"]), tuple(raw["scale"]), tuple(raw["weights"]), raw["bias"],
                raw.get("reranked", True),
            )  # fmt: skip
        except (ValueError, TypeError, KeyError) as error:
            raise GenerationError(f"the calibration cannot be read ({error}): re-index") from error


@dataclass(frozen=True)
class Likelihood(LinearModel):
    """A logistic model of "this candidate is the same product" on a few signals.

    Method: ridge logistic regression on standardised signals (Platt, "Probabilistic outputs for support vector
    machines", 1999, for the use of a logistic to calibrate scores), fitted by Newton's method.
    """

    @classmethod
    def fit(cls, names: tuple[str, ...], signals: Matrix, right: npt.NDArray[np.bool_]) -> Self:
        """Fit on examples: signals float64 [n, len(names)], whether each candidate was right, bool [n].

        Without an example of either kind the likelihood is the share of right ones, kept away from 0 and 1.
        """
        centre, scale = signals.mean(axis=0), np.maximum(signals.std(axis=0), 1e-9)
        design = np.hstack([(signals - centre) / scale, np.ones((len(signals), 1))])
        # Platt's targets, which keep away from 0 and 1.
        count = np.array([(~right).sum(), right.sum()])
        target = np.where(right, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))
        penalty = np.diag([RIDGE] * signals.shape[1] + [1e-6])
        beta = np.zeros(design.shape[1])
        for _ in range(STEPS):
            probability = _logistic(design @ beta)
            gradient = design.T @ (probability - target) + penalty @ beta
            curvature = (design * (probability * (1 - probability))[:, None]).T @ design + penalty
            step = np.linalg.solve(curvature, gradient)
            beta -= step
            if np.abs(step).max() < 1e-9:
                break
        return cls(names, tuple(centre.tolist()), tuple(scale.tolist()), tuple(beta[:-1].tolist()), float(beta[-1]))

    def of(self, signals: Matrix) -> npt.NDArray[np.float64]:
        """The likelihood of each candidate: signals [n, len(names)] -> [n], each in (0, 1)."""
        return _logistic(self.log_odds(signals))


def expected_calibration_error(
    likelihood: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], bins: int = 10
) -> float:
    """The mean difference between the likelihood and the share that was right, over equally filled bins.

    Method: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015; bins of equal count.
    """
    order = np.argsort(likelihood, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(p) * abs(likelihood[p].mean() - right[p].mean()) for p in parts) / max(len(order), 1))


def area_under_roc(score: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The probability that a right one scores above a wrong one, ties counting half; NaN without both kinds."""
    positive, negative = score[right], score[~right]
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    ties = np.searchsorted(ordered, positive, side="right") - below
    return float((below + ties / 2).mean() / len(negative))


def _logistic(value: Matrix) -> Matrix:
    return 1.0 / (1.0 + np.exp(-np.clip(value, -500, 500)))
