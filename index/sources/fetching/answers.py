"""What a server's answer means: a picture, "not changed", the rules of a site, a redirect, or a failure."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from index.sources.fetching.body import drain, read_body
from index.sources.fetching.hosts import retry_after
from index.sources.fetching.outcomes import Failure, Fetched, NotModified, Reason, Request, shown
from index.sources.fetching.reservations import RESERVATIONS_BYTES, Reservations, reserved_by_header
from index.sources.fetching.robots import ROBOTS_BYTES, Rules, opted_out

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_VALIDATOR_LENGTH = 512


@dataclass(frozen=True)
class Redirect:
    """The answer lies elsewhere; `location` as the server wrote it."""

    location: str


class TooManyRedirects(Failure):
    """A chain of redirects longer than is followed, or a loop."""


@dataclass(frozen=True)
class Reader:
    """Reads answers for one crawler (`token`), each picture up to `limit` bytes; `wall_now` in Unix time."""

    token: str
    limit: int

    async def picture(
        self, request: Request, response: httpx.Response, wall_now: float
    ) -> Fetched | NotModified | Redirect:
        """The answer to a request for a picture.

        Raises:
            Failure: any other answer.
        """
        status = response.status_code
        if redirect := await redirect_of(response):
            return redirect
        self.check_rights(response, request.tdm)
        if status == 200:
            data = await read_body(response, self.limit)
            etag, last_modified = response.headers.get("etag", ""), response.headers.get("last-modified", "")
            return Fetched(request, data, validator(etag), validator(last_modified))
        await drain(response)
        if status == 304 and conditions(request):
            return NotModified(request)
        raise status_failure(response, wall_now)

    def check_rights(self, response: httpx.Response, tdm: bool) -> None:
        """Look at what the headers of an answer reserve; `tdm`: text and data mining, too.

        Raises:
            Failure: the publisher opts out of such use.
        """
        if response.status_code not in (200, 206, 304):
            return
        tag = opted_out(response.headers.get_list("x-robots-tag"), self.token)
        if not tag and tdm and reserved_by_header(response.headers.get("tdm-reservation", "")):
            tag = "tdm-reservation"
        if tag:
            raise Failure(Reason.OPTED_OUT, f"{shown(str(response.url))}: its publisher opts out of such use ({tag})")

    async def rules(self, response: httpx.Response, wall_now: float) -> Rules | Redirect:
        """The answer to a request for robots.txt.

        Raises:
            Failure: the server cannot tell its rules now.
        """
        status = response.status_code
        if redirect := await redirect_of(response):
            return redirect
        if status == 200:
            return Rules.parse(await read_body(response, ROBOTS_BYTES, cut=True), self.token)
        await drain(response)
        # RFC 9309, 2.3.1.3: no robots.txt, no rules. 429 is no such answer: it asks to slow down.
        if 400 <= status < 500 and status != 429:
            return Rules(self.token)
        raise status_failure(response, wall_now)

    async def reservations(self, response: httpx.Response) -> Reservations | Redirect:
        """The answer to a request for tdmrep.json; where there is none, nothing is reserved by it.

        Raises:
            Failure: the answer is broken.
        """
        if redirect := await redirect_of(response):
            return redirect
        if response.status_code == 200:
            return Reservations.parse(await read_body(response, RESERVATIONS_BYTES))
        await drain(response)
        return Reservations()


def conditions(request: Request) -> dict[str, str]:
    """The headers that ask for a picture only if it is not the copy at hand."""
    headers = {"If-None-Match": validator(request.etag), "If-Modified-Since": validator(request.last_modified)}
    return {name: value for name, value in headers.items() if value}


def validator(value: str) -> str:
    """An ETag or a date as it may stand in a header; empty for anything that would break one."""
    return value if len(value) <= _VALIDATOR_LENGTH and value.isascii() and value.isprintable() else ""


async def redirect_of(response: httpx.Response) -> Redirect | None:
    """Where the answer says that it lies, if it says so."""
    if response.status_code not in _REDIRECTS or "location" not in response.headers:
        return None
    await drain(response)
    return Redirect(response.headers["location"])


def status_failure(response: httpx.Response, wall_now: float) -> Failure:
    """What a status means that brings nothing."""
    status = response.status_code
    text = f"{shown(str(response.url))}: the server answered {status}"
    if status in (429, 503):
        asked = retry_after(response.headers.get("retry-after", ""), wall_now)
        reason = Reason.RATE_LIMITED if status == 429 else Reason.SERVER_ERROR
        return Failure(reason, text, again=True, pause=True, retry_after=asked)
    if status == 408 or 500 <= status < 600:
        return Failure(Reason.SERVER_ERROR, text, again=True)
    if status in (404, 410):
        return Failure(Reason.NOT_FOUND, text)
    if status in (401, 403, 451):
        return Failure(Reason.FORBIDDEN, text)
    return Failure(Reason.STATUS_UNEXPECTED, text)
