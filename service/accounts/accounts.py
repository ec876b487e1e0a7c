"""Accounts, their sessions and their API tokens, kept in the service's database."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from embedding.errors import TraceObjectError
from index.records.database import Database
from service.accounts.roles import SCOPES, Role, User, Visitor
from service.tables import sessions, tokens, users

SESSION_SECONDS = 12 * 3600
MIN_PASSWORD, MAX_PASSWORD = 12, 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASHER = PasswordHasher()


class AccountInvalid(TraceObjectError):
    """An account, password or token is unknown or invalid."""


@dataclass(frozen=True)
class Token:
    """An API token without its secret. `expires` is in seconds since 1970."""

    id: str
    user: str
    scopes: tuple[str, ...]
    expires: float


class Accounts:
    """The accounts, sessions and API tokens of a workspace. Safe from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exist(self) -> bool:
        """Whether there is any account, including disabled ones."""
        with self._database.connect() as connection:
            return connection.execute(sa.select(users.c.name).limit(1)).first() is not None

    def known(self, name: str) -> bool:
        """Whether an account has this name, including disabled ones."""
        with self._database.connect() as connection:
            return connection.execute(sa.select(users.c.name).where(users.c.name == name)).first() is not None

    def all(self) -> list[User]:
        with self._database.connect() as connection:
            return [_user(row) for row in connection.execute(sa.select(users).order_by(users.c.name))]

    def add(self, name: str, role: Role, password: str | None) -> None:
        """Make an account; without a password it can sign in only through the organisation (OpenID Connect).

        Raises:
            AccountInvalid: the name is taken or invalid, or the password is too short or too long.
        """
        if not _NAME.fullmatch(name) or role is Role.VOLUNTEER:
            raise AccountInvalid(f"{name[:80]!r} cannot be an account: use letters, digits and . _ @ -, at most 64")
        hashed = _hashed(secrets.token_urlsafe(32) if password is None else password)
        row = {"name": name, "role": role.word, "password": hashed, "disabled": False}
        with self._database.begin() as connection:
            if not self._database.insert_new(connection, users, row):
                raise AccountInvalid(f"there is an account called {name} already")

    def set_password(self, name: str, password: str) -> None:
        """Give an account another password; its sessions end.

        Raises:
            AccountInvalid: there is no such account, or the password is too short.
        """
        self._change(name, password=_hashed(password))

    def disable(self, name: str) -> None:
        """Disable an account: its sessions end, its tokens are revoked, its name stays taken.

        Raises:
            AccountInvalid: there is no such account.
        """
        self._change(name, disabled=True)
        with self._database.begin() as connection:
            connection.execute(sa.delete(tokens).where(tokens.c.user == name))

    def sign_in(self, name: str, password: str) -> str | None:
        """A new session's secret, or None: a wrong name or password, or a disabled account."""
        # A hash is verified even where no account has the name, so that the response time does not reveal which exist.
        unused_hash = _unused_hash()
        with self._database.connect() as connection:
            row = connection.execute(sa.select(users).where(users.c.name == name)).first()
        try:
            valid = _HASHER.verify(row.password if row else unused_hash, password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        return self.begin_session(name) if valid and row is not None else None

    def begin_session(self, name: str) -> str | None:
        """A new session's secret for an authenticated name; None where no enabled account has it."""
        in_use = sa.select(users.c.name).where(users.c.name == name, sa.not_(users.c.disabled))
        with self._database.connect() as connection:
            if connection.execute(in_use).first() is None:
                return None
        secret, now = secrets.token_urlsafe(32), time.time()
        with self._database.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires <= now))
            row = {"secret_sha256": _sha256(secret), "user": name, "expires": now + SESSION_SECONDS}
            connection.execute(sa.insert(sessions).values(row))
        return secret

    def sign_out(self, secret: str) -> None:
        """End a session; an unknown secret is ignored."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.secret_sha256 == _sha256(secret)))

    def of_session(self, secret: str) -> Visitor | None:
        """The visitor whose session it is; None when it has ended."""
        row = self._holder(sessions, secret)
        return Visitor(_user(row).role, _user(row)) if row else None

    def of_token(self, secret: str) -> Visitor | None:
        """The visitor whose API token it is, with its scopes; None when it has expired or was revoked."""
        row = self._holder(tokens, secret)
        return Visitor(_user(row).role, _user(row), frozenset(row.scopes.split())) if row else None

    def issue(self, name: str, scopes: tuple[str, ...], days: float) -> tuple[Token, str]:
        """A new API token and its secret, which is not stored and cannot be shown again.

        Raises:
            AccountInvalid: there is no such account, no scope is named, or it would expire at once.
        """
        if not scopes or set(scopes) - set(SCOPES) or days <= 0:
            raise AccountInvalid(f"a token needs a scope of {', '.join(SCOPES)} and at least a day")
        self._require(name)
        token = Token(secrets.token_hex(4), name, tuple(dict.fromkeys(scopes)), time.time() + days * 86_400)
        secret = f"to_{secrets.token_urlsafe(32)}"
        with self._database.begin() as connection:
            row = {
                "id": token.id, "secret_sha256": _sha256(secret), "user": name, "scopes": " ".join(token.scopes),
                "expires": token.expires,
            }  # fmt: skip
            connection.execute(sa.insert(tokens).values(row))
        return token, secret

    def tokens(self) -> list[Token]:
        """All API tokens, including expired ones."""
        with self._database.connect() as connection:
            rows = connection.execute(sa.select(tokens).order_by(tokens.c.user, tokens.c.id))
            return [Token(row.id, row.user, tuple(row.scopes.split()), row.expires) for row in rows]

    def revoke(self, token_id: str) -> Token:
        """Revoke an API token; the token that it was.

        Raises:
            AccountInvalid: there is none of that id.
        """
        for token in self.tokens():
            if token.id == token_id:
                with self._database.begin() as connection:
                    connection.execute(sa.delete(tokens).where(tokens.c.id == token_id))
                return token
        raise AccountInvalid(f"there is no token {token_id[:20]!r}: `traceobject users tokens` lists them")

    def _change(self, name: str, **values: object) -> None:
        with self._database.begin() as connection:
            if not connection.execute(sa.update(users).where(users.c.name == name).values(values)).rowcount:
                raise _unknown(name)
            connection.execute(sa.delete(sessions).where(sessions.c.user == name))

    def _require(self, name: str) -> None:
        if not any(user.name == name and not user.disabled for user in self.all()):
            raise _unknown(name)

    def _holder(self, table: sa.Table, secret: str) -> sa.Row[tuple[object, ...]] | None:
        query = (
            sa.select(users, *(column for column in table.c if column.name == "scopes"))
            .join(table, table.c.user == users.c.name)
            .where(table.c.secret_sha256 == _sha256(secret), table.c.expires > time.time(), ~users.c.disabled)
        )
        with self._database.connect() as connection:
            return connection.execute(query).first()


@cache
def _unused_hash() -> str:
    """The hash of a random password. Cached, and made on first use, because hashing is slow."""
    return _HASHER.hash(secrets.token_hex(16))


def _hashed(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountInvalid(f"a password needs {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _HASHER.hash(password)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _unknown(name: str) -> AccountInvalid:
    return AccountInvalid(f"there is no account {name[:80]!r} in use: `traceobject users list` lists them")


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    return User(row.name, Role[row.role.upper()], row.disabled)
