"""The measurements of benchmarks.serving."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Answers:
    """The answers in `length` seconds: their seconds by status, and other failures."""

    length: float
    seconds: dict[int, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0

    @property
    def right(self) -> list[float]:
        """Seconds of the searches that were answered."""
        return self.seconds.get(200, [])

    @property
    def rate(self) -> float:
        """Searches that were answered, a second."""
        return len(self.right) / self.length


@dataclass(frozen=True)
class Bare:
    """The references without HTTP. `views`: how many a photograph has, on average; `scaled`: median seconds to
    decode one and to scale its views; `forward`: of those views through encoder and index alone; `batched`: views a
    second in full batches; `whole`: median seconds of a search in this process; `together`: searches a second, as many
    at a time as there are cores; the last two also by embeddings alone."""

    views: float
    scaled: float
    forward: float
    batched: float
    whole: float
    together: float
    whole_alone: float
    together_alone: float


@dataclass(frozen=True)
class Served:
    """The figures of a server of one model: the answers to one client and to `clients` clients, with re-ranking and by
    embeddings alone; `ready` in seconds, `resident` in bytes, `memory` in MB, every second of many clients."""

    model: str
    clients: int
    bare: Bare
    ready: float
    resident: int
    torch: bool
    single: Answers
    single_alone: Answers
    with_bad_uploads: Answers
    many: Answers
    many_alone: Answers
    memory: list[int]
