"""How much is taken at once: bytes, pictures, seconds, and searches that wait for their turn."""

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
class Limits:
    """What one server takes; a value out of its range is a pydantic.ValidationError.

    `held_bytes` bounds the uploads of all requests together, from their first byte to their answer; a refused one is
    read on for `drain_seconds`, to no account, so that its client hears why. `searches` run at a time, one decoding
    while another encodes; `waiting` more may queue, and the next one is told to come back. `pixels` bounds the decoded
    pictures of one question together, at 3 bytes each. One address may try to sign in `sign_ins` times at once, then
    once every `sign_in_seconds`.
    """

    image_bytes: Count = DecodeLimits().bytes
    body_bytes: Count = MAX_IMAGES * DecodeLimits().bytes + 1_000_000
    held_bytes: Count = 3 * MAX_IMAGES * DecodeLimits().bytes
    pixels: Count = 4 * DecodeLimits().pixels
    field_bytes: Count = 16_384
    parts: Count = 64
    upload_seconds: Seconds = 120.0
    drain_seconds: Seconds = 10.0
    searches: Count = 2
    waiting: Annotated[int, Field(ge=0)] = 32
    sign_ins: Count = 10
    sign_in_seconds: Seconds = 15.0


class ReservedBytes:
    """Counts the uploads in memory. Used from the event loop alone, so it needs no lock."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0

    @property
    def held(self) -> int:
        return self._held

    @contextmanager
    def account(self) -> Iterator[Callable[[int], None]]:
        """One upload's account: call what it gives with each chunk's length; all is given back at the end.

        Raises:
            Problem: the server holds as much as it may (busy).
        """
        mine = 0

        def take(count: int) -> None:
            nonlocal mine
            if self._held + count > self._most:
                raise busy("the server holds as many uploads as it can")
            self._held += count
            mine += count

        try:
            yield take
        finally:
            self._held -= mine


class SearchQueue:
    """A bounded queue before a few worker threads, so that neither decoding nor encoding blocks the event loop."""

    def __init__(self, searches: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(searches)
        self._waiting = waiting

    @property
    def queued(self) -> int:
        """How many searches wait for their turn."""
        return self._limiter.statistics().tasks_waiting

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run work in a thread when its turn comes.

        Raises:
            Problem: too many wait already (busy).
        """
        if self.queued >= self._waiting:
            raise busy("more searches are waiting than the server takes")
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)


def busy(why: str) -> Problem:
    """The problem of a server that has enough to do."""
    return Problem(BUSY, f"{why}: try again in {RETRY_SECONDS} s", headers={"Retry-After": str(RETRY_SECONDS)})
