"""The guard against private addresses for a library that connects by itself: it gets no other address to connect to."""

from __future__ import annotations

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from index.sources.fetching.address import AddressPolicy
from index.sources.fetching.outcomes import Failure


class CheckedResolver(AbstractResolver):
    """Resolves names for aiohttp; one that leads to an address that may not be contacted has none."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - both families are looked up
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            OSError: it has none, or one that may not be contacted.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        try:
            self._policy.check_addresses(host, port, addresses)
        except Failure as failure:
            raise OSError(str(failure)) from None
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept open."""
