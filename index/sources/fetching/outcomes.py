"""What is asked of the fetcher and what it answers: a picture, "not changed", or a refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from embedding.errors import TraceObjectError


class FetchSettingInvalid(TraceObjectError):
    """A limit, a user agent or an allowed host that makes no sense."""


class Reason(StrEnum):
    """Why no picture came. The words stay: reports count by them."""

    URL_INVALID = "url-invalid"
    URL_REFUSED = "url-refused"
    ADDRESS_REFUSED = "address-refused"
    NAME_UNRESOLVED = "name-unresolved"
    CONNECTION_FAILED = "connection-failed"
    TLS_FAILED = "tls-failed"
    ANSWER_BROKEN = "answer-broken"
    ENCODING_REFUSED = "encoding-refused"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    REDIRECT_REFUSED = "redirect-refused"
    NOT_FOUND = "not-found"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    STATUS_UNEXPECTED = "status-unexpected"
    ROBOTS_DISALLOWED = "robots-disallowed"
    ROBOTS_UNAVAILABLE = "robots-unavailable"
    OPTED_OUT = "opted-out"
    HOST_GIVEN_UP = "host-given-up"


@dataclass(frozen=True)
class Request:
    """A picture to fetch. `etag` and `last_modified` are what came with the copy at hand; empty: there is none.

    `tdm`: it is for a catalogue, so a reservation of text and data mining is honoured.
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    tdm: bool = False


@dataclass(frozen=True)
class Fetched:
    """The bytes under a URL, whatever they are: only decoding tells whether they are a picture.

    `etag` and `last_modified` go into the next request for it; empty where the server sent none.
    """

    request: Request
    data: bytes
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class NotModified:
    """The server says that the copy at hand is still the right one."""

    request: Request


@dataclass(frozen=True)
class FetchRefused:
    """No bytes, and why.

    `transient`: the same request may succeed another day; otherwise it will not until the feed or the site changes.
    `retry_after`: seconds for which the server asked to be left alone, where it asked for longer than was waited.
    """

    request: Request
    reason: Reason
    message: str
    transient: bool
    retry_after: float | None = None


Outcome = Fetched | NotModified | FetchRefused


@dataclass(frozen=True)
class FetchLimits:
    """How much of everything. Times in seconds.

    bytes: of one picture, as sent and after decompression. At most `connections` pictures are in memory at once:
        under `connections * bytes`.
    seconds: for one picture in total, on the wire: names, connections, redirects and repeats together, without the
        time spent waiting for its host.
    connect_seconds: for one connection.
    per_host, connections: requests at a time to one host, and to all.
    lookahead: requests taken from the source before the first of them is answered.
    redirects: followed per attempt.     attempts: of one picture, where trying again can help.
    delay: between the starts of two requests to one host; a Crawl-delay may raise it up to `crawl_delay`.
    backoff: before the second attempt; doubles each time.
    patience: the longest a server may ask (Retry-After) to be left alone before its pictures are put off instead.
    host_failures: failed exchanges in a row after which a host is given up for `host_rest` seconds.
    """

    bytes: int = 25_000_000
    seconds: float = 30.0
    connect_seconds: float = 10.0
    per_host: int = 2
    connections: int = 16
    lookahead: int = 256
    redirects: int = 5
    attempts: int = 3
    delay: float = 0.1
    crawl_delay: float = 10.0
    backoff: float = 1.0
    patience: float = 120.0
    host_failures: int = 12
    host_rest: float = 600.0

    def __post_init__(self) -> None:
        zero_is_fine = {"redirects", "delay", "crawl_delay", "backoff", "patience", "host_rest"}
        for field in fields(self):
            value = getattr(self, field.name)
            if not (value > 0 or (value == 0 and field.name in zero_is_fine)) or value == float("inf"):
                raise FetchSettingInvalid(
                    f"the fetch limit {field.name}={value!r} is out of range: give a positive number"
                )


class Failure(TraceObjectError):
    """An exchange that brought no picture.

    `again`: worth another attempt now. `pause`: the host asks to be left alone, for `retry_after` seconds if given.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        transient: bool = False,
        again: bool = False,
        pause: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.transient = transient or again
        self.again = again
        self.pause = pause
        self.retry_after = retry_after


def shown(text: str, limit: int = 200) -> str:
    """Text from outside, fit for a terminal and a report: bounded, without control characters."""
    text = text if len(text) <= limit else text[:limit] + "..."
    return text if text.isprintable() else ascii(text)[1:-1]
