"""Politeness: what is known of each host in this run, and when it may be asked next."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import anyio

from index.sources.fetching.outcomes import Failure, FetchLimits, Reason, shown
from index.sources.fetching.reservations import Reservations
from index.sources.fetching.robots import Rules

_HOSTS_KEPT = 500
_RULES_KEPT_BYTES = 4_000_000
_LONGEST_BACKOFF = 60.0


@dataclass(frozen=True)
class Clock:
    """Time, in seconds: `monotonic` for spans, `wall` (Unix time) for dates in headers."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


def retry_after(value: str, wall_now: float) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or as an HTTP date; None if it says neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - wall_now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def backoff(limits: FetchLimits, attempt: int, seed: str) -> float:
    """Seconds before the attempt after `attempt` (1, 2, ...): doubling, bounded, and scattered down to a half."""
    full = min(limits.backoff * 2.0 ** min(attempt - 1, 16), _LONGEST_BACKOFF)
    return full * random.Random(seed).uniform(0.5, 1.0)


@dataclass
class RobotsEntry:
    """One robots.txt: its rules, or the failure to get any, good until `expires` (monotonic)."""

    outcome: Rules | Failure
    expires: float


@dataclass
class ReservationsEntry:
    """One tdmrep.json, good until `expires` (monotonic)."""

    outcome: Reservations
    expires: float


class Host:
    """One host: its robots.txt and tdmrep.json by origin, the requests in progress, and when the next may start."""

    def __init__(self, name: str, limits: FetchLimits, clock: Clock) -> None:
        self.name = name
        self.users = 0
        self.robots: dict[str, RobotsEntry] = {}
        self.robots_lock = anyio.Lock()
        self.reservations: dict[str, ReservationsEntry] = {}
        self._limits = limits
        self._clock = clock
        self._connections = anyio.Semaphore(limits.per_host, fast_acquire=True)
        self._failures = 0
        self._next_start = 0.0
        self._paused_until = 0.0
        self._given_up_until = 0.0

    @asynccontextmanager
    async def connection(self, delay: float) -> AsyncIterator[None]:
        """Wait for one of the host's connections, and until `delay` seconds after the last start.

        Raises:
            Failure: the host is given up for now, or asked for a longer rest than is waited for.
        """
        async with self._connections:
            while True:
                self._check_rest()
                now = self._clock.monotonic()
                wait = max(self._next_start, self._paused_until) - now
                if wait <= 0:
                    break
                await self._clock.sleep(wait)
            self._next_start = now + delay
            yield

    def succeeded(self) -> None:
        """The host gave an answer that was no failure of its own."""
        self._failures = 0

    def failed(self, failure: Failure, seed: str) -> None:
        """The host broke an exchange, or asked to be left alone."""
        now = self._clock.monotonic()
        self._failures += 1
        if failure.pause:
            asked = failure.retry_after
            rest = asked if asked is not None else backoff(self._limits, self._failures, seed)
            self._paused_until = max(self._paused_until, now + rest)
        if self._failures >= self._limits.host_failures:
            self._failures = 0
            self._given_up_until = now + self._limits.host_rest

    def _check_rest(self) -> None:
        now = self._clock.monotonic()
        if self._given_up_until > now:
            raise Failure(
                Reason.HOST_GIVEN_UP,
                f"{shown(self.name)}: failed {self._limits.host_failures} times in a row and is left alone for now",
                transient=True,
            )
        if self._paused_until - now > self._limits.patience:
            rest = self._paused_until - now
            raise Failure(
                Reason.RATE_LIMITED,
                f"{shown(self.name)}: asks to be left alone for {rest:.0f} s more; its pictures are put off",
                transient=True,
                retry_after=rest,
            )


class Hosts:
    """The hosts of one run; those long unused are forgotten, so that a feed of a million hosts stays small."""

    def __init__(self, limits: FetchLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hosts)

    @asynccontextmanager
    async def using(self, name: str) -> AsyncIterator[Host]:
        """The record of a host, kept at least as long as it is in use."""
        host = self._hosts.get(name) or Host(name, self._limits, self._clock)
        self._hosts[name] = host
        self._hosts.move_to_end(name)
        host.users += 1
        try:
            yield host
        finally:
            host.users -= 1
            self._forget()

    def _forget(self) -> None:
        size = sum(_size(host) for host in self._hosts.values())
        for name, host in list(self._hosts.items()):
            if len(self._hosts) <= _HOSTS_KEPT and size <= _RULES_KEPT_BYTES:
                return
            if host.users == 0:
                size -= _size(host)
                del self._hosts[name]


def _size(host: Host) -> int:
    rules = sum(entry.outcome.size for entry in host.robots.values() if isinstance(entry.outcome, Rules))
    return rules + sum(entry.outcome.size for entry in host.reservations.values())
