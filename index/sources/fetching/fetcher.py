"""One picture fetched: robots.txt, rate limit, exchange, redirects, further attempts."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

import anyio
import httpcore
import httpx

from index.sources.fetching.address import AddressPolicy, host_of, port_of
from index.sources.fetching.answers import Reader, Redirect, TooManyRedirects, conditions
from index.sources.fetching.hosts import Clock, Host, Hosts, ReservationsEntry, RobotsEntry, backoff
from index.sources.fetching.outcomes import (
    Failure,
    Fetched,
    FetchLimits,
    FetchRefused,
    FetchSettingInvalid,
    NotModified,
    Outcome,
    Reason,
    Request,
    shown,
)
from index.sources.fetching.reservations import WELL_KNOWN, Reservations
from index.sources.fetching.robots import Rules, product_token
from index.sources.fetching.wire import Budget, CheckedNetwork, Resolver, Wire, system_resolver

ROBOTS_SECONDS = 24 * 3600.0
"""How long the rules of a site hold before they are asked for again (RFC 9309, 2.4)."""

T = TypeVar("T")
Read = Callable[[httpx.Response], Awaitable[T | Redirect]]


@dataclass(frozen=True)
class Surroundings:
    """The fetcher's surroundings, replaceable in tests: clock, resolver, connections, certificate authorities.

    `tls`: the context that verifies servers; None trusts the authorities that come with httpx.
    """

    clock: Clock = field(default_factory=lambda: Clock(time.monotonic, time.time, anyio.sleep))
    resolve: Resolver = system_resolver
    dial: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)
    tls: ssl.SSLContext | None = None


@dataclass(eq=False)
class Job:
    """A request in progress: the time it has left, and whether it occupies a slot.

    A slot stands for a connection, and then for the picture in memory that came over it. `private` are headers for
    the origin of the request's URL alone: a redirect to another one does not take them along.
    """

    request: Request
    budget: Budget
    private: Mapping[str, str] = field(default_factory=dict)
    has_slot: bool = False


class Fetcher:
    """Fetches one picture for each of many concurrent callers, which share hosts and slots. An async context."""

    def __init__(
        self, limits: FetchLimits, user_agent: str, policy: AddressPolicy, surroundings: Surroundings, seed: int
    ) -> None:
        token = product_token(user_agent)
        if not token or not user_agent.isascii() or not user_agent.isprintable():
            raise FetchSettingInvalid(
                f"the user agent {shown(user_agent)!r} names no crawler: write one like 'traceobject/0.1 (+https://...)'"
            )
        self.limits = limits
        self._headers = {"User-Agent": user_agent, "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
        self.reader = Reader(token, limits.bytes)
        self._policy = policy
        self._surroundings = surroundings
        self._clock = surroundings.clock
        self._seed = seed

    async def __aenter__(self) -> Fetcher:
        network = CheckedNetwork(self._policy, self._surroundings.resolve, self._surroundings.dial)
        self._wire = Wire(self.limits, network, self._surroundings.tls)
        self._hosts = Hosts(self.limits, self._clock)
        self._slots = anyio.Semaphore(self.limits.connections, fast_acquire=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._wire.aclose()

    def job(self, request: Request) -> Job:
        """A job for `fetch`, with the whole time budget of one picture."""
        return Job(request, Budget(self.limits.seconds))

    async def fetch(self, job: Job) -> Outcome:
        """The outcome of one request; a job with a picture keeps its slot until `taken`."""
        request = job.request

        async def read(response: httpx.Response) -> Fetched | NotModified | Redirect:
            return await self.reader.picture(request, response, self._clock.wall())

        try:
            return await self.get(job, read, lambda: conditions(request))
        except Failure as failure:
            return FetchRefused(request, failure.reason, str(failure), failure.transient, failure.retry_after)

    async def get(self, job: Job, read: Read[T], headers: Callable[[], Mapping[str, str]]) -> T:
        """Whatever `read` makes of the answer to a job; `headers` are asked for anew for each attempt.

        Raises:
            Failure: no attempt brought an answer that `read` takes.
        """

        async def once() -> T:
            return await self._follow(job, {**self._headers, **headers()}, read, obey_robots=True)

        return await self._attempts(job, once)

    async def rules(self, url: str) -> Rules:
        """The robots.txt of a URL's site.

        Raises:
            Failure: it cannot be had.
        """
        checked = self._policy.check_url(url)
        async with self._hosts.using(host_of(checked).rstrip(".")) as host:
            return await self._rules(host, checked)

    def wall(self) -> float:
        """The time, as Unix time."""
        return self._clock.wall()

    def taken(self, job: Job) -> None:
        """Release the job's slot, if it has one."""
        if job.has_slot:
            job.has_slot = False
            self._slots.release()

    async def _attempts(self, job: Job, once: Callable[[], Awaitable[T]]) -> T:
        first: Failure | None = None
        for attempt in itertools.count(1):
            try:
                return await once()
            except Failure as failure:
                if failure.reason == Reason.HOST_GIVEN_UP and first is not None:
                    raise first from None  # the first failure explains more than the refused further attempt
                first = first or failure
                if not failure.again or attempt >= self.limits.attempts or job.budget.left <= 0:
                    raise
            await self._clock.sleep(backoff(self.limits, attempt, f"{self._seed} {job.request.url} {attempt}"))
        raise AssertionError("count() does not end")

    async def _follow(self, job: Job, headers: dict[str, str], read: Read[T], obey_robots: bool) -> T:
        """Request the job's URL and follow its redirects; each step passes the same checks and limits as the first."""
        url = self._policy.check_url(job.request.url)
        origin = _origin(url)
        for _ in range(self.limits.redirects + 1):
            sent = {**headers, **job.private} if _origin(url) == origin else headers
            async with self._hosts.using(host_of(url).rstrip(".")) as host:
                delay = await self._permission(host, url, job.request.tdm) if obey_robots else self.limits.delay
                answer = await self._exchange(host, delay, url, job, sent, read)
            if not isinstance(answer, Redirect):
                return answer
            url = self._policy.check_redirect(url, answer.location)
        raise TooManyRedirects(
            Reason.REDIRECT_REFUSED, f"{shown(job.request.url)}: redirects more than {self.limits.redirects} times"
        )

    async def _exchange(
        self, host: Host, delay: float, url: httpx.URL, job: Job, headers: dict[str, str], read: Read[T]
    ) -> T | Redirect:
        async with host.connection(delay):
            await self._slots.acquire()
            job.has_slot = True
            answer: T | Redirect | None = None
            try:
                answer = await self._wire.get(url, headers, job.budget, read)
            except Failure as failure:
                if failure.transient:
                    host.failed(failure, f"{self._seed} {host.name}")
                else:
                    host.succeeded()
                raise
            finally:
                if not isinstance(answer, Fetched):
                    self.taken(job)
            host.succeeded()
            return answer

    async def _permission(self, host: Host, url: httpx.URL, tdm: bool) -> float:
        """The delay that the site's robots.txt asks for before this URL, if the site allows it at all."""
        rules = await self._rules(host, url)
        if not rules.allow(str(url)):
            raise Failure(Reason.ROBOTS_DISALLOWED, f"{shown(str(url))}: the site's robots.txt forbids it")
        if tdm and (await self._reservations(host, url)).reserve(url.raw_path.decode("ascii")):
            raise Failure(
                Reason.OPTED_OUT, f"{shown(str(url))}: the site's tdmrep.json reserves it against text and data mining"
            )
        return max(self.limits.delay, min(rules.delay, self.limits.crawl_delay))

    async def _rules(self, host: Host, url: httpx.URL) -> Rules:
        origin = _origin(url)
        async with host.robots_lock:
            entry = host.robots.get(origin)
            if entry is None or entry.expires <= self._clock.monotonic():
                entry = host.robots[origin] = await self._load_robots(url)
        outcome = entry.outcome
        if isinstance(outcome, Failure):
            # A new exception each time: one that is raised again collects every frame in its traceback.
            raise Failure(outcome.reason, str(outcome), transient=outcome.transient, retry_after=outcome.retry_after)
        return outcome

    async def _reservations(self, host: Host, url: httpx.URL) -> Reservations:
        origin = _origin(url)
        async with host.robots_lock:
            entry = host.reservations.get(origin)
            if entry is None or entry.expires <= self._clock.monotonic():
                outcome = await self._load_reservations(url)
                entry = ReservationsEntry(outcome, self._clock.monotonic() + ROBOTS_SECONDS)
                host.reservations[origin] = entry
        return entry.outcome

    async def _load_reservations(self, url: httpx.URL) -> Reservations:
        job = self.job(Request(str(url.copy_with(raw_path=WELL_KNOWN.encode()))))
        try:
            return await self._attempts(
                job, lambda: self._follow(job, self._headers, self.reader.reservations, obey_robots=False)
            )
        except Failure:
            # Many sites answer an unknown path with an error of their own: that reserves nothing.
            return Reservations()

    async def _load_robots(self, url: httpx.URL) -> RobotsEntry:
        job = self.job(Request(str(url.copy_with(raw_path=b"/robots.txt"))))
        redirected = False

        async def read(response: httpx.Response) -> Rules | Redirect:
            nonlocal redirected
            rules = await self.reader.rules(response, self._clock.wall())
            redirected = redirected or isinstance(rules, Redirect)
            return rules

        async def once() -> Rules:
            return await self._follow(job, self._headers, read, obey_robots=False)

        outcome: Rules | Failure
        try:
            outcome = await self._attempts(job, once)
        except TooManyRedirects:
            outcome = Rules(self.reader.token)  # RFC 9309, 2.3.1.2: as if there were none
        except Failure as failure:
            # A host that cannot be reached at all is reported as such; otherwise robots.txt is named as the reason.
            answered = failure.reason in (Reason.SERVER_ERROR, Reason.STATUS_UNEXPECTED, Reason.ANSWER_BROKEN)
            reason, text = failure.reason, str(failure)
            if answered or redirected:
                reason = Reason.ROBOTS_UNAVAILABLE
                text = f"{shown(host_of(url))}: robots.txt cannot be had, so nothing is fetched there for now ({text})"
            outcome = Failure(reason, text, transient=failure.transient, retry_after=failure.retry_after)
        lasts = ROBOTS_SECONDS if isinstance(outcome, Rules) else self.limits.host_rest
        return RobotsEntry(outcome, self._clock.monotonic() + lasts)


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{host_of(url).rstrip('.')}:{port_of(url)}"
