"""Which segments are on a server: those that no generation uses are dropped, those of older ones leave its memory."""

from __future__ import annotations

from collections.abc import Collection

from index.engines.milvus.connection import JOB_SECONDS, SEARCH_SECONDS, Connection


def drop_others(connection: Connection, prefix: str, used: Collection[str]) -> list[str]:
    """Drop the segments whose names begin with `prefix` but for those in use; returns their names.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    unused = [name for name in _segments(connection, prefix) if name not in used]
    with connection.client() as client:
        for name in unused:
            client.drop_collection(name, timeout=JOB_SECONDS)
    return unused


def release_others(connection: Connection, prefix: str, used: Collection[str]) -> None:
    """Have the server free the memory of segments that are not in use; who opens their generation loads them again.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    with connection.client() as client:
        for name in _segments(connection, prefix):
            if name not in used:
                client.release_collection(name, timeout=JOB_SECONDS)


def _segments(connection: Connection, prefix: str) -> list[str]:
    with connection.client() as client:
        return [name for name in client.list_collections(timeout=SEARCH_SECONDS) if name.startswith(f"{prefix}_")]
