"""Which URL is requested next: hosts are served fairly, so that a slow one does not delay the others."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import count


class FairScheduler(Iterator[str]):
    """Yields URLs, always of the host with the fewest requests in flight; equal hosts alternate.

    The fetcher takes a bounded number of URLs ahead. In a feed's own order a slow host could fill that number and
    leave no requests to the others; here it gets its share of them.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self._waiting: dict[str, deque[str]] = defaultdict(deque)
        for url in urls:
            self._waiting[_host(url)].append(url)
        self._in_flight: Counter[str] = Counter()
        self._order = count()
        # (requests in flight, order, host); an entry whose number is outdated is skipped.
        self._queue: list[tuple[int, int, str]] = []
        for host in self._waiting:
            self._enqueue(host)

    def __next__(self) -> str:
        while self._queue:
            in_flight, _, host = heapq.heappop(self._queue)
            waiting = self._waiting[host]
            if waiting and in_flight == self._in_flight[host]:
                self._in_flight[host] += 1
                self._enqueue(host)
                return waiting.popleft()
        raise StopIteration

    def answered(self, url: str) -> None:
        """Note that the request for a URL has been answered."""
        host = _host(url)
        self._in_flight[host] -= 1
        self._enqueue(host)

    def _enqueue(self, host: str) -> None:
        if self._waiting[host]:
            heapq.heappush(self._queue, (self._in_flight[host], next(self._order), host))


def _host(url: str) -> str:
    """The host as the URL spells it; text that is no URL counts as a host of its own, and is refused by the fetcher."""
    return url.split("/", 3)[2].lower() if url.count("/") > 1 else url
