"""Fetch pictures by URL: many at once, politely towards every host, and safely whatever a server answers."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from queue import SimpleQueue

import anyio.from_thread

from index.sources.fetching.address import AddressPolicy
from index.sources.fetching.fetcher import Fetcher, Job, Surroundings
from index.sources.fetching.outcomes import FetchLimits, Outcome, Request


def fetch_all(
    requests: Iterable[Request],
    *,
    user_agent: str,
    limits: FetchLimits | None = None,
    allow_hosts: frozenset[str] = frozenset(),
    seed: int = 0,
    surroundings: Surroundings | None = None,
) -> Generator[Outcome, None, None]:
    """Fetch the pictures behind `requests`; one outcome for each, as they come, in no order.

    Streams: takes at most `limits.lookahead` requests ahead, in the caller's thread, and keeps at most
    `limits.connections` pictures in memory that were not taken yet. A picture that cannot be had is an outcome,
    not an error. Closing the iterator ends all downloads: contextlib.closing does it for a loop that may end early.

    Args:
        requests: what to fetch, each URL once: the same URL twice is asked for twice. Hosts that are mixed rather than
            in blocks are served side by side.
        user_agent: sent to every server, like "traceobject/0.1 (+https://example.org/crawler)"; its first word is the
            name by which robots.txt and X-Robots-Tag may address this crawler.
        limits: see FetchLimits.
        allow_hosts: hosts of one's own that may have private addresses and other ports: "images.internal" (every
            port), "127.0.0.1:8123". Every feed row and every redirect can reach them.
        seed: of the jitter in the waits between attempts.
        surroundings: time, names and connections, for tests and unusual networks.

    Raises:
        FetchSettingInvalid: at once, for a user agent or an allowed host that is none.
    """
    policy = AddressPolicy.allowing(allow_hosts)
    fetcher = Fetcher(limits or FetchLimits(), user_agent, policy, surroundings or Surroundings(), seed)
    outcomes = _stream(requests, fetcher)
    _close_at_exit(outcomes)
    return outcomes


def _close_at_exit(outcomes: Generator[Outcome, None, None]) -> None:
    """Close an iterator that was left unfinished before the interpreter shuts its threads down."""

    def close() -> None:
        if (unfinished := known()) is not None:
            unfinished.close()

    known = weakref.ref(outcomes, lambda _: atexit.unregister(close))
    atexit.register(close)


def _stream(requests: Iterable[Request], fetcher: Fetcher) -> Generator[Outcome, None, None]:
    source = iter(requests)
    more = True
    done: SimpleQueue[Future[Outcome]] = SimpleQueue()
    jobs: dict[Future[Outcome], Job] = {}
    # Leaving early, by close or by an error of the source, cancels what is under way: the portal sees to it.
    with anyio.from_thread.start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(fetcher):
        while True:
            while more and len(jobs) < fetcher.limits.lookahead and done.empty():
                request = next(source, None)
                if request is None:
                    more = False
                    break
                job = fetcher.job(request)
                future = portal.start_task_soon(fetcher.fetch, job)
                jobs[future] = job
                future.add_done_callback(done.put)
            if not jobs:
                return
            future = done.get()
            portal.start_task_soon(fetcher.taken, jobs.pop(future))
            outcome = future.result()
            del future  # it refers to the picture, and the caller may take its time before the next one
            yield outcome
            del outcome
