"""How often one address, account or token may do something: a token bucket for each."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from service.problems import TOO_OFTEN, Problem

MOST_KEPT = 10_000
# Whoever has an IPv6 address has at least this network of them.
_IPV6_NETWORK = 64


class Rate:
    """Lets each key through `burst` times at once, then once every `seconds`. Keeps keys in memory alone."""

    def __init__(self, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._seconds, self._clock = burst, seconds, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count one.

        Raises:
            Problem: it is too often (429, with Retry-After).
        """
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(key, (float(self._burst), now))
            left = min(float(self._burst), left + (now - at) / self._seconds)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            if len(self._buckets) > MOST_KEPT:
                self._buckets.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - left) * self._seconds)
            raise Problem(TOO_OFTEN, f"too often: try again in {wait} s", headers={"Retry-After": str(wait)})


def address_key(host: str) -> str:
    """What an address is counted under: itself, or its network where one person has many."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
    return host
