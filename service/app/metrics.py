"""Prometheus metrics of the running server: step times, requests by route, queue, index, feature cache.

No label holds personal data or request content: labels are steps, route patterns and statuses only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from index.errors import GenerationError
from service.app.live import LiveGeneration

# Seconds, from the gate's check of a small picture to a search by many pictures on a busy machine.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Clients may send any word as a method; others share one label, so that the number of time series is bounded.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GAUGE_HELP = {
    "queued_searches": "Searches that wait for a worker thread.",
    "public_comparisons": "Comparisons by the public that wait or run.",
    "held_upload_bytes": "Bytes of uploads in memory.",
    "generation": "Number of the live generation, 0 without one.",
    "generation_age_seconds": "Seconds since the live generation was built.",
}


class Metrics:
    """The metrics of one server. Safe from any thread."""

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
            "traceobject_request_seconds", "How long a request takes, including its upload.", ["route"],
            registry=self.registry, buckets=_BUCKETS,
        )  # fmt: skip
        self._features = Counter(
            "traceobject_feature_cache", "Local features of catalogue pictures: cache hits and misses.",
            ["outcome"], registry=self.registry,
        )  # fmt: skip
        self._gauges = {
            name: Gauge(f"traceobject_{name}", text, registry=self.registry) for name, text in _GAUGE_HELP.items()
        }

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step of a search, including one that fails."""
        with self._steps.labels(name).time():
            yield

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. `route` is its pattern, None where none matches; status 0 is a client that disconnected."""
        label = route or "none"
        self._requests.labels(method if method in _METHODS else "other", label, str(status)).inc()
        self._seconds.labels(label).observe(seconds)

    def feature(self, cached: bool) -> None:
        """Count the lookup of one picture's features: `cached`, or computed now."""
        self._features.labels("hit" if cached else "miss").inc()

    def watch(
        self,
        live: LiveGeneration,
        queued: Callable[[], int],
        comparisons: Callable[[], int],
        reserved_bytes: Callable[[], int],
    ) -> None:
        """Read the gauges from these whenever the metrics are read: live generation, both queues, upload bytes."""
        gauges: dict[str, Callable[[], float]] = {
            "queued_searches": queued,
            "public_comparisons": comparisons,
            "held_upload_bytes": reserved_bytes,
            "generation": lambda: _of_generation(live)[0],
            "generation_age_seconds": lambda: _of_generation(live)[1],
        }
        for name, value in gauges.items():
            self._gauges[name].set_function(value)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def _of_generation(live: LiveGeneration) -> tuple[int, float]:
    """Number and age in seconds of the live generation; zeros without one."""
    try:
        with live.lease() as generation:
            made = datetime.fromisoformat(generation.manifest.created)
            return generation.number, time.time() - made.replace(tzinfo=made.tzinfo or UTC).timestamp()
    except GenerationError:
        return 0, 0.0
