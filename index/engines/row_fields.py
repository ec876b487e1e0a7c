"""What an engine that filters by itself keeps of each row beside its vector, and the conditions that it tests.

An engine in this process is given the rows that may answer. A server with a hundred million rows is given a condition.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# Days that stand for unknown ones; every condition lets them pass.
BEFORE_ALL, AFTER_ALL = 0, 10_000_000


def token(kind: str, value: str) -> int:
    """A number of 64 bits for a value of some kind, equal exactly if both are (but for one chance in 2**64)."""
    digest = hashlib.blake2b(f"{kind}\0{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


# Stands among the tokens of an entry that has more of them than a server keeps.
NOT_ALL = token("tokens", "not all")


@dataclass(frozen=True)
class RowFields:
    """What an entry may be filtered by: `tokens`, rising, and days as proleptic ordinals, BEFORE_ALL or AFTER_ALL.

    With NOT_ALL among its tokens others are missing: whether it passes a condition is told by its records.
    """

    entry: int
    tokens: tuple[int, ...]
    first_seen: int = BEFORE_ALL
    last_seen: int = AFTER_ALL


@dataclass(frozen=True)
class Condition:
    """Which rows may answer: those that have a token of each of `any_of`, and are no view of `without_images`.

    `first_before` and `last_after`: first seen before that day, last seen after it; None does not care.
    """

    any_of: tuple[tuple[int, ...], ...] = ()
    first_before: int | None = None
    last_after: int | None = None
    without_images: tuple[str, ...] = ()

    def allows(self, fields: RowFields, image: str) -> bool:
        """Whether a row of these fields may answer."""
        return (
            all(set(tokens) & set(fields.tokens) for tokens in self.any_of)
            and (self.first_before is None or fields.first_seen < self.first_before)
            and (self.last_after is None or fields.last_seen > self.last_after)
            and image not in self.without_images
        )
