"""Rate limits that several servers over one database share."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.records.database import Database
from service.app.rate_limiter import Limiter, RateLimiter, TokenBucket, too_often
from service.tables import rate_limits

# How often a server deletes the buckets that are full again.
_CLEAN_SECONDS = 60.0


class SharedRateLimiter:
    """The buckets of `RateLimiter` as rows of a database. A key is kept as its SHA-256, until its bucket is full again.

    Args:
        name: of what is limited; limits of different names do not share buckets.
        clock: seconds that all servers agree on; by default the database's clock.
    """

    def __init__(
        self, database: Database, name: str, burst: int, seconds: float, clock: Callable[[], float] | None = None
    ) -> None:
        self._database, self._name, self._bucket, self._clock = database, name, TokenBucket(burst, seconds), clock
        self._clean_at, self._lock = 0.0, threading.Lock()

    def take(self, key: str) -> None:
        """Count one request.

        Raises:
            Problem: the key has exceeded its rate (429, with Retry-After).
            DatabaseUnavailable: the database does not answer.
        """
        digest = hashlib.sha256(f"{self._name}\0{key}".encode()).hexdigest()
        mine = rate_limits.c.key_sha256 == digest
        with self._database.begin() as connection:
            now = self._now(connection)
            row = {"key_sha256": digest, "left": self._bucket.burst, "at": now, "full_at": now}
            statement = self._database.insert(rate_limits).values(row)
            # Inserts the row or locks it until the transaction ends, so that servers count one after the other.
            same = {"key_sha256": statement.excluded.key_sha256}
            found = connection.execute(
                statement.on_conflict_do_update(index_elements=["key_sha256"], set_=same).returning(rate_limits)
            ).one()
            allowed, left = self._bucket.take(found.left, now - found.at)
            values = {"left": left, "at": now, "full_at": now + self._bucket.wait(left, self._bucket.burst)}
            connection.execute(sa.update(rate_limits).where(mine).values(values))
        self._clean(now)
        if not allowed:
            raise too_often(self._bucket.wait(left, 1))

    def _now(self, connection: Connection) -> float:
        if self._clock is not None:
            return self._clock()
        return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def _clean(self, now: float) -> None:
        with self._lock:
            due = time.monotonic() >= self._clean_at
            if due:
                self._clean_at = time.monotonic() + _CLEAN_SECONDS
        if due:
            full = sa.select(rate_limits.c.key_sha256).where(rate_limits.c.full_at <= now)
            with self._database.begin() as connection:
                # Rows that another server is counting are skipped, so that neither waits for the other.
                unlocked = full.with_for_update(skip_locked=True)
                connection.execute(sa.delete(rate_limits).where(rate_limits.c.key_sha256.in_(unlocked)))


def limiter_of(database: Database, name: str, burst: int, seconds: float) -> Limiter:
    """Shared where other servers may use the same database; otherwise in memory."""
    return SharedRateLimiter(database, name, burst, seconds) if database.is_shared else RateLimiter(burst, seconds)
