"""What the running service counts, for Prometheus: times by step, requests by route, queue, index, feature cache.

Nothing here tells who asked or what: labels are steps, routes as the table of routes has them, and statuses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from index.errors import GenerationError
from service.app.live import LiveGeneration

# Seconds: a check of a small picture takes milliseconds, a search of many pictures on a busy machine several seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Anybody may send any word as a method: only these are told apart.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WATCHED = {
    "queued_searches": "Searches that wait for their turn.",
    "held_upload_bytes": "Bytes of uploads in memory.",
    "generation": "The generation that answers, 0 without one.",
    "generation_age_seconds": "How long ago it was made.",
}


class Metrics:
    """The figures of one server. Safe from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._steps = Histogram(
            "traceobject_step_seconds", "How long a step of a search takes: decode, gate, embed, filter, first_stage, "
            "rerank, orientation.", ["step"], registry=self.registry, buckets=_BUCKETS,
        )  # fmt: skip
        self._requests = Counter(
            "traceobject_requests", "Requests by route and status.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "traceobject_request_seconds", "How long a request takes, its upload among it.", ["route"],
            registry=self.registry, buckets=_BUCKETS,
        )  # fmt: skip
        self._features = Counter(
            "traceobject_feature_cache", "Local features of catalogue pictures: kept from before, or computed.",
            ["outcome"], registry=self.registry,
        )  # fmt: skip
        self._gauges = {
            name: Gauge(f"traceobject_{name}", told, registry=self.registry) for name, told in _WATCHED.items()
        }

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step of a search, also of one that fails."""
        with self._steps.labels(name).time():
            yield

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. `route` is its pattern, None where none fits; status 0 is a client that left."""
        told = route or "none"
        self._requests.labels(method if method in _METHODS else "other", told, str(status)).inc()
        self._seconds.labels(told).observe(seconds)

    def feature(self, kept: bool) -> None:
        """Count the features of a picture: `kept` from before, or computed now."""
        self._features.labels("hit" if kept else "miss").inc()

    def watch(self, live: LiveGeneration, queued: Callable[[], int], held: Callable[[], int]) -> None:
        """Tell, whenever the figures are read, the queue, the bytes of uploads, and the generation that answers."""
        read: dict[str, Callable[[], float]] = {
            "queued_searches": queued,
            "held_upload_bytes": held,
            "generation": lambda: _of_generation(live)[0],
            "generation_age_seconds": lambda: _of_generation(live)[1],
        }
        for name, value in read.items():
            self._gauges[name].set_function(value)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)


def _of_generation(live: LiveGeneration) -> tuple[int, float]:
    try:
        with live.lease() as generation:
            made = datetime.fromisoformat(generation.manifest.created)
            return generation.number, time.time() - made.replace(tzinfo=made.tzinfo or UTC).timestamp()
    except GenerationError:
        return 0, 0.0
