"""The tasks of benchmarks.quality and their measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from index.jobs.evaluate import LabelledQuery


@dataclass(frozen=True)
class Task:
    """One measurement to make, on queries of the set `name`: `kind` is "steps", "concealed", "rotated" or "views"."""

    kind: str
    name: str
    queries: tuple[LabelledQuery, ...]
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """A task's ranks of the right product by step, and (likelihood, right) of the first candidate by case."""

    task: Task
    ranks: Mapping[str, float]
    judged: Mapping[str, tuple[float, bool]]
