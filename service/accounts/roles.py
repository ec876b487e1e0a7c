"""Roles, accounts, and the sender of a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from service.problems import FORBIDDEN, SIGN_IN_NEEDED, Problem

SCOPES = ("read", "search", "write")


class Role(IntEnum):
    """Each role includes the rights of those below it. A volunteer has no account."""

    VOLUNTEER = 0
    INVESTIGATOR = 1
    CURATOR = 2
    ADMINISTRATOR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


ACCOUNT_ROLES = tuple(role.word for role in Role if role > Role.VOLUNTEER)


@dataclass(frozen=True)
class User:
    """An account."""

    name: str
    role: Role
    disabled: bool = False


@dataclass(frozen=True)
class Visitor:
    """Who sends a request. `user` is None for a volunteer, and for everybody in single-user mode."""

    role: Role
    user: User | None = None
    scopes: frozenset[str] = frozenset(SCOPES)

    @property
    def name(self) -> str:
        """The name that the audit records."""
        if self.user:
            return self.user.name
        return "volunteer" if self.role is Role.VOLUNTEER else "single user"

    def may(self, role: Role) -> bool:
        return self.role >= role

    @property
    def may_read_leads(self) -> bool:
        """Whether what investigators decided may be shown, as at GET /v1/leads; a token for searches alone may not."""
        return self.may(Role.INVESTIGATOR) and "read" in self.scopes

    def require(self, role: Role) -> None:
        """Refuse a visitor whose role is lower.

        Raises:
            Problem: nobody is signed in (401), or the account's role is too low (403).
        """
        if self.may(role):
            return
        if self.user is None:
            raise Problem(SIGN_IN_NEEDED, SIGN_IN_NEEDED.example, headers={"WWW-Authenticate": "Bearer"})
        raise Problem(FORBIDDEN, f"this needs the role {role.word}, and {self.user.name} is {self.role.word}")


VOLUNTEER = Visitor(Role.VOLUNTEER)
SINGLE_USER = Visitor(Role.ADMINISTRATOR)
