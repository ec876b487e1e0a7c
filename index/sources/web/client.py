"""Documents by URL, one after the other or several at once, through the polite and guarded fetcher."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

import httpx
from anyio.from_thread import start_blocking_portal

from index.sources.fetching.address import AddressPolicy
from index.sources.fetching.answers import Redirect, conditions, redirect_of, status_failure, validator
from index.sources.fetching.body import drain, read_body
from index.sources.fetching.fetcher import Fetcher, Job, Read, Surroundings
from index.sources.fetching.outcomes import Failure, FetchLimits, Request
from index.sources.fetching.robots import Rules
from index.sources.fetching.wire import Budget

DOCUMENT_BYTES = 50_000_000
"""The most of one document that is kept in memory: a sitemap may have 50 MB, pages of products have fewer."""

_ACCEPT = "text/html, application/json, application/xml, */*;q=0.5"
_SECONDS = 120.0

T = TypeVar("T")


@dataclass(frozen=True)
class Document:
    """What lies under a URL. `url`: where it was found, after redirects; `headers` by lower-case name."""

    url: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return validator(self.headers.get("etag", ""))

    @property
    def last_modified(self) -> str:
        return validator(self.headers.get("last-modified", ""))


@dataclass(frozen=True)
class Unchanged:
    """The copy at hand is still the right one."""


Answer = Document | Unchanged


@dataclass(frozen=True)
class WebAccess:
    """How a workspace asks the web: who it says it is, which private hosts it may ask, how politely.

    `surroundings`: time, names and connections, for tests and unusual networks.
    """

    user_agent: str
    allow_hosts: frozenset[str] = frozenset()
    limits: FetchLimits = field(default_factory=lambda: FetchLimits(bytes=DOCUMENT_BYTES, seconds=_SECONDS))
    surroundings: Surroundings = field(default_factory=Surroundings)


class WebClient:
    """Asks for documents. A context; one per source.

    `private` are headers for the origin of `site` alone, whatever other addresses its documents name; `tdm` says that
    reservations of text and data mining are honoured. `requests` and `loaded` count answers and bytes.
    """

    def __init__(self, access: WebAccess, site: str, private: Mapping[str, str], *, tdm: bool) -> None:
        self._policy = AddressPolicy.allowing(access.allow_hosts)
        self._limits = access.limits
        self._fetcher = Fetcher(access.limits, access.user_agent, self._policy, access.surroundings, seed=0)
        self._site = origin_of(site)
        self._private = private
        self._tdm = tdm
        self.requests = 0
        self.loaded = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal("asyncio"))
            stack.enter_context(self._portal.wrap_async_context_manager(self._fetcher))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def get(self, url: str, etag: str = "", last_modified: str = "") -> Answer:
        """The document under a URL, or that it has not changed.

        Raises:
            Failure: neither can be had.
        """
        return self._portal.start_task_soon(self._document, self._request(url, etag, last_modified)).result()

    def get_all(self, wanted: Iterable[tuple[str, str, str]]) -> Generator[tuple[str, Answer | Failure], None, None]:
        """The answers to (URL, ETag, Last-Modified), as they come, in no order; few are asked for ahead."""
        source = iter(wanted)
        done: SimpleQueue[Future[Answer]] = SimpleQueue()
        running: dict[Future[Answer], str] = {}
        while True:
            while len(running) < 2 * self._limits.per_host and (one := next(source, None)) is not None:
                future = self._portal.start_task_soon(self._document, self._request(*one))
                running[future] = one[0]
                future.add_done_callback(done.put)
            if not running:
                return
            future = done.get()
            url = running.pop(future)
            try:
                answer: Answer | Failure = future.result()
            except Failure as failure:
                answer = failure
            yield url, answer

    def run(self, url: str, seconds: float, read: Read[T], headers: Callable[[], Mapping[str, str]]) -> T:
        """Whatever `read` makes of the answer; see Fetcher.get.

        Raises:
            Failure: no attempt brought an answer that `read` takes.
        """
        job = Job(self._request(url), Budget(seconds), self._private_of(url))

        async def get() -> T:
            return await self._fetcher.get(job, self._counted(read), headers)

        return self._portal.call(get)

    def check(self, response: httpx.Response) -> None:
        """Raise Failure where the headers of an answer reserve what is asked for here."""
        self._fetcher.reader.check_rights(response, self._tdm)

    def refused(self, response: httpx.Response) -> Failure:
        """What a status that brings nothing means."""
        return status_failure(response, self._fetcher.wall())

    def rules(self, url: str) -> Rules:
        """The robots.txt of a URL's site. Raises Failure."""
        return self._portal.start_task_soon(self._fetcher.rules, url).result()

    @property
    def token(self) -> str:
        """The name by which a site may address this crawler."""
        return self._fetcher.reader.token

    def _request(self, url: str, etag: str = "", last_modified: str = "") -> Request:
        return Request(url, etag, last_modified, self._tdm)

    def _private_of(self, url: str) -> Mapping[str, str]:
        return self._private if self._site and origin_of(url) == self._site else {}

    async def _document(self, request: Request) -> Answer:
        async def read(response: httpx.Response) -> Answer | Redirect:
            if redirect := await redirect_of(response):
                return redirect
            self.check(response)
            if response.status_code == 200:
                data = await read_body(response, self._limits.bytes)
                self.loaded += len(data)
                return Document(str(response.url), data, dict(response.headers))
            await drain(response)
            if response.status_code == 304 and conditions(request):
                return Unchanged()
            raise self.refused(response)

        job = Job(request, Budget(self._limits.seconds), self._private_of(request.url))
        return await self._fetcher.get(job, self._counted(read), lambda: {"Accept": _ACCEPT, **conditions(request)})

    def _counted(self, read: Read[T]) -> Read[T]:
        async def counted(response: httpx.Response) -> T | Redirect:
            self.requests += 1
            return await read(response)

        return counted


def origin_of(url: str) -> str:
    """Scheme, host and port of an http(s) URL, like "https://shop.example"; "" for text that is none."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return ""
    if parsed.scheme not in ("http", "https") or not parsed.host:
        return ""
    return str(parsed.copy_with(raw_path=b"/", fragment=None, username="", password="")).rstrip("/")
