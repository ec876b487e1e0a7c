"""What benchmarks.serving measures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Answers:
    """Of `length` seconds of asking: seconds of the answers by status, and what went wrong otherwise."""

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
    """What the parts take without HTTP. `views`: how many a photograph has, on average; `scaled`: median seconds to
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
    """What a server of one model did: what one client and so many `clients` were answered, with the closer look and by
    embeddings alone; `ready` in seconds, `resident` in bytes, `memory` in MB, every second of many clients."""

    model: str
    clients: int
    bare: Bare
    ready: float
    resident: int
    torch: bool
    single: Answers
    single_alone: Answers
    beside: Answers
    many: Answers
    many_alone: Answers
    memory: list[int]
