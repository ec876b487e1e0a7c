"""Whether a collection can be searched, all of it: Milvus answers from what it has loaded."""

from __future__ import annotations

import time

from pymilvus.client.types import LoadState

from index.engines.milvus.connection import SEARCH_SECONDS, Connection
from index.errors import GenerationError

_POLL_SECONDS = 0.1


def require_loaded(connection: Connection, name: str, rows: int, seconds: float) -> None:
    """Have a collection loaded, wait for it, and count its rows.

    Raises:
        EngineUnavailable: it is not loaded within `seconds`.
        GenerationError: the server lacks it, or it has another number of rows.
    """
    deadline = time.monotonic() + seconds
    with connection.client() as client:
        # There may be none of an index that was dropped; the answer would be the same as of one that is not loaded.
        if not client.has_collection(name, timeout=SEARCH_SECONDS):
            raise GenerationError(f"the engine at {connection.address} has no {name}: roll back or re-index")
        state = client.get_load_state(name, timeout=SEARCH_SECONDS)
        if state["state"] == LoadState.NotLoad:
            client.load_collection(name, timeout=SEARCH_SECONDS, _async=True)
        while (state := client.get_load_state(name, timeout=SEARCH_SECONDS))["state"] != LoadState.Loaded:
            if time.monotonic() > deadline:
                raise connection.unavailable(f"{name} is loaded to {state.get('progress', 0)} %")
            time.sleep(_POLL_SECONDS)
    if (found := count(connection, name, strongly=True)) != rows:
        raise GenerationError(
            f"the engine at {connection.address} has {found} rows in {name}, not {rows}: roll back or re-index"
        )


def require_searchable(connection: Connection, name: str) -> None:
    """Refuse to search a collection of which a part is missing, as after a restart of the server. Costs a millisecond.

    Raises:
        EngineUnavailable: it is not loaded, or not yet.
    """
    with connection.client() as client:
        state = client.get_load_state(name, timeout=SEARCH_SECONDS)
    if state["state"] == LoadState.NotExist:
        raise GenerationError(f"the engine at {connection.address} has no {name} any more: re-index")
    if state["state"] != LoadState.Loaded:
        raise connection.unavailable(f"{name} is loaded to {state.get('progress', 0)} %")


def count(connection: Connection, name: str, condition: str = "", *, strongly: bool = False) -> int:
    """How many rows of a loaded collection fulfil a condition; `strongly`: after a wait for all that was written."""
    with connection.client() as client:
        found = client.query(
            name,
            filter=condition,
            output_fields=["count(*)"],
            timeout=SEARCH_SECONDS,
            consistency_level="Strong" if strongly else "Eventually",
        )
    return int(found[0]["count(*)"])
