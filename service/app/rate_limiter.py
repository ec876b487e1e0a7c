"""Rate limits per address, account or API token, as token buckets."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from service.problems import TOO_OFTEN, Problem

MAX_KEYS = 10_000
# An IPv6 subscriber usually has a whole /64 network of addresses.
_IPV6_PREFIX = 64


class Limiter(Protocol):
    """Counts requests by key. Safe from any thread."""

    def take(self, key: str) -> None:
        """Count one request.

        Raises:
            Problem: the key has exceeded its rate (429, with Retry-After).
        """


@dataclass(frozen=True)
class TokenBucket:
    """`burst` requests at once, then one every `seconds`."""

    burst: int
    seconds: float

    def take(self, left: float, passed: float) -> tuple[bool, float]:
        """Whether one more request is allowed, and what is left then.

        Args:
            left: what was left in the bucket, `passed` seconds ago.
        """
        left = min(float(self.burst), left + max(0.0, passed) / self.seconds)
        return (True, left - 1) if left >= 1 else (False, left)

    def wait(self, left: float, until: float) -> float:
        """The seconds until the bucket holds `until`."""
        return (until - left) * self.seconds


class RateLimiter:
    """A token bucket for each key, kept in memory only: for one server."""

    def __init__(self, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._bucket, self._clock = TokenBucket(burst, seconds), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(key, (float(self._bucket.burst), now))
            allowed, left = self._bucket.take(left, now - at)
            self._buckets[key] = (left, now)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        if not allowed:
            raise too_often(self._bucket.wait(left, 1))


def too_often(seconds: float) -> Problem:
    """The problem of a key that has exceeded its rate and may try again in some seconds."""
    wait = math.ceil(seconds)
    return Problem(TOO_OFTEN, f"too often: try again in {wait} s", headers={"Retry-After": str(wait)})


def address_key(host: str) -> str:
    """The key of a client address: the address itself for IPv4, its /64 network for IPv6."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return host
