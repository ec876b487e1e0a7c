"""What benchmarks.quality asks and measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from index.jobs.evaluate import Asked


@dataclass(frozen=True)
class Task:
    """One thing to measure: `kind` is "steps", "concealed", "turned" or "views"."""

    kind: str
    name: str
    asked: tuple[Asked, ...]
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """What came of a task: ranks of the right product by step, and (likelihood, right) of the first answer by case."""

    task: Task
    ranks: Mapping[str, float]
    judged: Mapping[str, tuple[float, bool]]
