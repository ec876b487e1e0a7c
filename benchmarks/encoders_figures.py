"""The measurements of benchmarks.encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """One model: pictures a second by round, the plain loop's and ours; seconds for one picture, torch's and ours."""

    name: str
    plain: tuple[float, ...]
    ours: tuple[float, ...]
    plain_single: tuple[float, ...]
    ours_single: tuple[float, ...]
    cosine: float
    overlap: float
    steps: Mapping[str, float]


@dataclass(frozen=True)
class Quality:
    """One set searched with both models: recall@1 and @10, torch's and compiled, and the overlap of their first ten."""

    name: str
    queries: int
    recall_1: tuple[float, float]
    recall_10: tuple[float, float]
    overlap: float
    cosine: float
