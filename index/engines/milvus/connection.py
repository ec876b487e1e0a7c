"""The connection to a Milvus server, and its errors as those of this program."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import ErrorCode, MilvusException

from index.engines.milvus.address import Address, token
from index.errors import EngineUnavailable, GenerationError

# How long a search waits, and a job, which flushes and builds; in seconds.
SEARCH_SECONDS, JOB_SECONDS = 10.0, 3600.0

# It logs, with a traceback, every error that it raises.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


class Connection:
    """One for each server and process; safe from any thread, and restored by itself when the server was restarted."""

    def __init__(self, address: Address) -> None:
        self.address, self._lock = address, Lock()
        self._client: MilvusClient | None = None

    @contextmanager
    def client(self) -> Iterator[MilvusClient]:
        """pymilvus' client.

        Raises:
            GenerationError: a collection that was asked for is not there.
            EngineUnavailable: the server does not answer, or not yet.
        """
        try:
            yield self._connected()
        except (MilvusException, grpc.RpcError) as error:
            raise self._translated(error) from error

    def require_answer(self) -> None:
        """Raises EngineUnavailable where the server does not answer."""
        with self.client() as client:
            client.list_collections(timeout=SEARCH_SECONDS)

    def unavailable(self, why: str) -> EngineUnavailable:
        """The error of a server that cannot answer now."""
        return EngineUnavailable(f"the engine at {self.address} is not ready: {why}; start it, or try again later")

    def _connected(self) -> MilvusClient:
        with self._lock:
            if self._client is None:
                address = self.address
                self._client = MilvusClient(
                    address.uri, token=token(), db_name=address.database, timeout=SEARCH_SECONDS
                )
            return self._client

    def _translated(self, error: Exception) -> Exception:
        message = getattr(error, "message", "") or str(error)
        if isinstance(error, MilvusException) and error.code == ErrorCode.COLLECTION_NOT_FOUND:
            return GenerationError(f"the engine at {self.address} has lost a part of the index ({message}): re-index")
        return self.unavailable(message.strip().partition("\n")[0][:300])


@cache
def connection_to(url: str) -> Connection:
    """The connection to the server of the setting `engine`; it is made when it is first used."""
    return Connection(Address.parse(url))
