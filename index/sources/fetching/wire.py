"""One HTTP exchange with a server that may be hostile: to a checked address, within a time, nothing followed.

Under it lies httpx's message model on an httpcore pool. There is no httpx client, and so no proxy from the environment,
no netrc, no cookie jar, no redirect that is followed unseen and no body that is unpacked without a bound.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import anyio
import anyio.to_thread
import httpcore
import httpx

from index.sources.fetching.address import AddressPolicy, is_literal
from index.sources.fetching.outcomes import Failure, FetchLimits, Reason, shown

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Name and port to addresses as text; raises OSError where there are none."""

_ADDRESSES_TRIED = 4
_KEEP_ALIVE_SECONDS = 10.0

T = TypeVar("T")


async def system_resolver(host: str, port: int) -> list[str]:
    """Every address the system knows for a name, best first (RFC 6724), each once."""
    found = await anyio.to_thread.run_sync(
        lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), abandon_on_cancel=True
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections only to addresses that the policy lets through.

    A name is resolved once for each connection, and the connection goes to the address that was judged, so an answer
    that changes between two look-ups (DNS rebinding) has nothing to change. TLS still verifies the name: httpcore
    hands it to `start_tls` apart from the address.
    """

    def __init__(self, policy: AddressPolicy, resolve: Resolver, dial: httpcore.AsyncNetworkBackend) -> None:
        self._policy = policy
        self._resolve = resolve
        self._dial = dial

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers.

        Raises:
            Failure: no such name, or an address that may not be contacted.
            httpcore.ConnectError, httpcore.ConnectTimeout: no address answered.
        """
        addresses = self._policy.check_addresses(host, port, await self._addresses(host, port))
        error: Exception = httpcore.ConnectError("no address")
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return await self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        if is_literal(host):
            return [host]
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            again = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise Failure(
                Reason.NAME_UNRESOLVED, f"{shown(host)}: the name has no address ({error})", transient=True, again=again
            ) from None
        if not addresses:
            raise Failure(Reason.NAME_UNRESOLVED, f"{shown(host)}: the name has no address", transient=True)
        return addresses


class Budget:
    """The time for one request's network exchanges, and what is left of it, in seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self.left = seconds


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class Wire:
    """A pool of checked connections. Use it as an async context."""

    def __init__(
        self, limits: FetchLimits, network: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext | None = None
    ) -> None:
        self._limits = limits
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls if tls is not None else httpx.create_ssl_context(trust_env=False),
            max_connections=None,  # limited by the fetcher: a wait for the pool would count against the picture's time
            max_keepalive_connections=2 * limits.connections,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
            network_backend=network,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def get(
        self,
        url: httpx.URL,
        headers: dict[str, str],
        budget: Budget,
        read: Callable[[httpx.Response], Awaitable[T]],
    ) -> T:
        """GET `url` and hand the response, its body unread, to `read`; all of it within what is left of `budget`.

        Raises:
            Failure: whatever went wrong, `read`'s own failures among it.
        """
        started = anyio.current_time()
        try:
            with anyio.fail_after(budget.left):
                return await self._exchange(url, headers, read)
        except TimeoutError:
            raise Failure(
                Reason.TOO_SLOW,
                f"{shown(str(url))}: not done within {budget.seconds:g} s",
                transient=True,
            ) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise _connect_failure(url, error) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError, anyio.BrokenResourceError) as error:
            raise Failure(
                Reason.CONNECTION_FAILED, f"{shown(str(url))}: the connection broke ({_message(error)})", again=True
            ) from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise Failure(
                Reason.ANSWER_BROKEN,
                f"{shown(str(url))}: the answer is not HTTP or is cut short ({_message(error)})",
                again=True,
            ) from None
        finally:
            budget.left = max(0.0, budget.left - (anyio.current_time() - started))

    async def _exchange(
        self, url: httpx.URL, headers: dict[str, str], read: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        request = httpx.Request("GET", url, headers=headers)
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                "GET",
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions={"timeout": {"connect": self._limits.connect_seconds}},
            )
        )
        response = httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), request=request)
        try:
            return await read(response)
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


def _connect_failure(url: httpx.URL, error: Exception) -> Failure:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return Failure(Reason.CONNECTION_FAILED, f"{shown(str(url))}: no connection ({_message(error)})", again=True)
    untrusted = isinstance(cause, ssl.SSLCertVerificationError)
    why = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else _message(cause)
    return Failure(
        Reason.TLS_FAILED, f"{shown(str(url))}: no safe connection ({why})", transient=True, again=not untrusted
    )


def _message(error: BaseException) -> str:
    return shown(str(error)) or type(error).__name__
