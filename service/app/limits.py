"""What one server accepts at a time: upload sizes and durations, running and queued searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import anyio
import anyio.to_thread
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from embedding.image.decode import DecodeLimits
from index.search.answer import MAX_IMAGES
from service.problems import BUSY, Problem

Result = TypeVar("Result")

RETRY_SECONDS = 2

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=ConfigDict(strict=True, allow_inf_nan=False))
class ServerLimits:
    """The limits of one server; a value out of its range is a pydantic.ValidationError.

    `reserved_bytes` bounds the uploads of all requests together, from their first byte to their response; the rest of a
    refused upload is read and discarded for `drain_seconds`, so that its client receives the error. `searches` run at a
    time, one decoding while another encodes; `waiting` more may queue, and further ones are refused as busy. `pixels`
    bounds the decoded pictures of one search together, at 3 bytes each. One address may try to sign in `sign_ins` times
    at once, then once every `sign_in_seconds`. So many `comparisons` of the public run at a time; they have a queue of
    their own, of `public_waiting`, and their uploads `public_bytes`, so that they take nothing of the investigators'
    share.
    """

    image_bytes: Count = DecodeLimits().bytes
    body_bytes: Count = MAX_IMAGES * DecodeLimits().bytes + 1_000_000
    reserved_bytes: Count = 3 * MAX_IMAGES * DecodeLimits().bytes
    pixels: Count = 4 * DecodeLimits().pixels
    field_bytes: Count = 16_384
    parts: Count = 64
    upload_seconds: Seconds = 120.0
    drain_seconds: Seconds = 10.0
    searches: Count = 2
    waiting: Annotated[int, Field(ge=0)] = 32
    comparisons: Count = 2
    public_waiting: Count = 256
    public_bytes: Count = 16 * DecodeLimits().bytes
    sign_ins: Count = 10
    sign_in_seconds: Seconds = 15.0


class ReservedBytes:
    """Counts the bytes of all uploads in memory. Used from the event loop only, so it needs no lock."""

    def __init__(self, limit: int) -> None:
        self._limit, self._total = limit, 0

    @property
    def total(self) -> int:
        """The bytes reserved now, over all requests."""
        return self._total

    @contextmanager
    def reservation(self) -> Iterator[Callable[[int], None]]:
        """A function that reserves bytes for one upload, called with each chunk's length; all are freed at the end.

        Raises:
            Problem: the limit of all uploads together would be exceeded (busy).
        """
        own = 0

        def reserve(count: int) -> None:
            nonlocal own
            if self._total + count > self._limit:
                raise busy("the uploads in progress use all the memory set aside for them")
            self._total += count
            own += count

        try:
            yield reserve
        finally:
            self._total -= own


class SearchQueue:
    """A bounded queue before a few worker threads, so that neither decoding nor encoding blocks the event loop."""

    def __init__(self, searches: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(searches)
        self._waiting, self._unfinished = waiting, 0
        self._idle = anyio.Event()

    @property
    def queued(self) -> int:
        """How many searches wait for a worker thread."""
        return self._limiter.statistics().tasks_waiting

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run work in a worker thread as soon as one is free.

        Raises:
            Problem: too many wait already (busy).
        """
        if self.queued >= self._waiting:
            raise busy("more searches are waiting than the server accepts")
        self._unfinished += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._unfinished -= 1
            if self._unfinished == 0:
                self._idle.set()
                self._idle = anyio.Event()

    async def wait_until_idle(self) -> None:
        """Return when no search runs or waits."""
        while self._unfinished:
            await self._idle.wait()


def busy(why: str) -> Problem:
    """The problem of a server at its limit."""
    return Problem(BUSY, f"{why}: try again in {RETRY_SECONDS} s", headers={"Retry-After": str(RETRY_SECONDS)})
