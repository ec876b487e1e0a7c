"""How tests read feeds that may not end as their format does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from index.errors import FeedIncomplete

T = TypeVar("T")


def until_cut(records: Iterator[T]) -> tuple[list[T], str]:
    """What a feed gives before it ends, and the message of its FeedIncomplete; empty where it ended as it should."""
    read: list[T] = []
    try:
        for record in records:
            read.append(record)
    except FeedIncomplete as error:
        return read, str(error)
    return read, ""
