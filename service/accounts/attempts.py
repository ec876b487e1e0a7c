"""Sign-ins that were redirected to the organisation and have not returned: kept in memory, or for several servers."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Protocol

import sqlalchemy as sa

from index.records.database import Database
from service.tables import sign_in_attempts

MAX_ATTEMPTS = 1000


@dataclass(frozen=True)
class Attempt:
    """What the organisation's answer is checked with, and where to go then. `expires` is in seconds since 1970."""

    nonce: str
    verifier: str
    returns_to: str
    onward: str
    expires: float


class Attempts(Protocol):
    """Safe from any thread."""

    def keep(self, state: str, attempt: Attempt) -> None:
        """Keep an attempt until it is taken or expires."""

    def take(self, state: str) -> Attempt | None:
        """The attempt with a state, once; None where there is none, or it has expired."""


class MemoryAttempts:
    """For one server. The oldest beyond MAX_ATTEMPTS are dropped."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, state: str, attempt: Attempt) -> None:
        with self._lock:
            self._attempts[state] = attempt
            while len(self._attempts) > MAX_ATTEMPTS:
                self._attempts.popitem(last=False)

    def take(self, state: str) -> Attempt | None:
        with self._lock:
            found = self._attempts.pop(state, None)
        return found if found is not None and found.expires > time.time() else None


class SharedAttempts:
    """For several servers over one database: the organisation may send the browser back to another one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, state: str, attempt: Attempt) -> None:
        row = {"state_sha256": _sha256(state), "fields": json.dumps(asdict(attempt)), "expires": attempt.expires}
        with self._database.begin() as connection:
            connection.execute(sa.delete(sign_in_attempts).where(sign_in_attempts.c.expires <= time.time()))
            connection.execute(sa.insert(sign_in_attempts).values(row))

    def take(self, state: str) -> Attempt | None:
        mine = sa.delete(sign_in_attempts).where(sign_in_attempts.c.state_sha256 == _sha256(state))
        with self._database.begin() as connection:
            fields = connection.execute(mine.returning(sign_in_attempts.c.fields)).scalar()
        found = None if fields is None else Attempt(**json.loads(fields))
        return found if found is not None and found.expires > time.time() else None


def attempts_of(database: Database) -> Attempts:
    """Shared where other servers may use the same database."""
    return SharedAttempts(database) if database.is_shared else MemoryAttempts()


def _sha256(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
