"""Rate limits per address, account or API token, as token buckets."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from service.problems import TOO_OFTEN, Problem

MAX_KEYS = 10_000
# An IPv6 subscriber usually has a whole /64 network of addresses.
_IPV6_PREFIX = 64


class RateLimiter:
    """A token bucket for each key: `burst` requests at once, then one every `seconds`. Kept in memory only."""

    def __init__(self, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._seconds, self._clock = burst, seconds, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count one request.

        Raises:
            Problem: the key has exceeded its rate (429, with Retry-After).
        """
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(key, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) / self._seconds)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - left) * self._seconds)
            raise Problem(TOO_OFTEN, f"too often: try again in {wait} s", headers={"Retry-After": str(wait)})


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
