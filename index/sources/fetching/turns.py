"""Whose picture is asked for next, so that one slow host does not hold the others up."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import count


class FairScheduler(Iterator[str]):
    """URLs, always of the host that owes the fewest answers; hosts that owe as many take turns.

    Whoever fetches takes a bounded number of URLs ahead. In a feed's own order a slow host would fill that number and
    leave nothing for the others; so it takes its share of it and no more.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self._waiting: dict[str, deque[str]] = defaultdict(deque)
        for url in urls:
            self._waiting[_host(url)].append(url)
        self._owed: Counter[str] = Counter()
        self._order = count()
        # What a host owed when it was put here; an entry that is no longer true is passed over.
        self._turns: list[tuple[int, int, str]] = []
        for host in self._waiting:
            self._line_up(host)

    def __next__(self) -> str:
        while self._turns:
            owed, _, host = heapq.heappop(self._turns)
            waiting = self._waiting[host]
            if waiting and owed == self._owed[host]:
                self._owed[host] += 1
                self._line_up(host)
                return waiting.popleft()
        raise StopIteration

    def answered(self, url: str) -> None:
        """Told when a URL that was given has its answer."""
        host = _host(url)
        self._owed[host] -= 1
        self._line_up(host)

    def _line_up(self, host: str) -> None:
        if self._waiting[host]:
            heapq.heappush(self._turns, (self._owed[host], next(self._order), host))


def _host(url: str) -> str:
    """The host as a URL spells it: what is no URL is a host of its own, and refused by whoever fetches it."""
    return url.split("/", 3)[2].lower() if url.count("/") > 1 else url
