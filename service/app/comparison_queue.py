"""The queue of the public's comparisons: bounded, telling its wait, and behind the investigators' searches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import anyio
import anyio.to_thread

from service.app.limits import Result, SearchQueue
from service.problems import BUSY, Problem

# How long one comparison lets investigators' searches go first. Longer would let a batch of theirs stop the public.
MAX_YIELD_SECONDS = 10.0
# Until one was measured.
_FIRST_SECONDS = 1.0
# The weight of the latest comparison in the mean of their durations.
_LATEST = 0.2


class ComparisonQueue:
    """A few comparisons at a time, in order of arrival; none begins while an investigator's search runs or waits.

    So whatever the public asks, a search shares the processor with the rest of those few at most. Used from the event
    loop only, so it needs no lock.
    """

    def __init__(
        self, searches: SearchQueue, waiting: int, clock: Callable[[], float] = time.monotonic,
        max_yield_seconds: float = MAX_YIELD_SECONDS, at_once: int = 1,
    ) -> None:  # fmt: skip
        self._searches, self._waiting, self._clock = searches, waiting, clock
        self._max_yield_seconds = max_yield_seconds
        self._at_once, self._limiter = at_once, anyio.CapacityLimiter(at_once)
        self._mean_seconds = _FIRST_SECONDS

    @property
    def queued(self) -> int:
        """How many comparisons wait or run."""
        statistics = self._limiter.statistics()
        return statistics.tasks_waiting + statistics.borrowed_tokens

    @property
    def wait_seconds(self) -> int:
        """How long a comparison that arrives now will take, its own time included: an estimate."""
        rounds = math.ceil((self.queued + 1) / self._at_once)
        return math.ceil(rounds * self._mean_seconds)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run work in a worker thread when it is its turn.

        Raises:
            Problem: too many wait already (busy); Retry-After says when about half of them will be done.
        """
        if self.queued >= self._waiting + self._at_once:
            raise self._busy()
        async with self._limiter:
            with anyio.move_on_after(self._max_yield_seconds):
                await self._searches.wait_until_idle()
            started = self._clock()
            try:
                return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
            finally:
                self._mean_seconds += _LATEST * (self._clock() - started - self._mean_seconds)

    def _busy(self) -> Problem:
        wait = max(1, self.wait_seconds // 2)
        detail = f"{self.queued} comparisons are waiting: try again in {wait} s"
        return Problem(BUSY, detail, headers={"Retry-After": str(wait)}, wait=wait)
