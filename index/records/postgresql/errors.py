"""PostgreSQL's errors, by its SQLSTATE codes (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from embedding.errors import TraceObjectError
from index.errors import DatabaseUnavailable, QueryInvalid, WorkspaceError

_LOCK_NOT_AVAILABLE = "55P03"
_INSUFFICIENT_PRIVILEGE = "42501"
_UNDEFINED_TABLE = "42P01"
# admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections; 08: connection exceptions.
_UNAVAILABLE = ("57P01", "57P02", "57P03", "53300", "08")


def sqlstate(error: DBAPIError) -> str:
    """The SQLSTATE code of an error; "" where there is none, as without a connection."""
    return getattr(error.orig, "sqlstate", None) or ""


def is_locked(error: DBAPIError) -> bool:
    """Whether a statement waited for a lock as long as `lock_timeout` lets it."""
    return sqlstate(error) == _LOCK_NOT_AVAILABLE


def is_forbidden(error: DBAPIError) -> bool:
    """Whether the role lacks the right to do it."""
    return sqlstate(error) == _INSUFFICIENT_PRIVILEGE


def is_undefined_table(error: DBAPIError) -> bool:
    """Whether a statement names a table that is not there, as in an empty database."""
    return sqlstate(error) == _UNDEFINED_TABLE


def translated(error: DBAPIError, name: str) -> TraceObjectError | None:
    """The error to report instead, for a database called `name`; None for any that is not PostgreSQL's own."""
    if is_locked(error):
        return WorkspaceError(f"{name} is in use by another program for too long: end it, and run the command again")
    if isinstance(error, DataError):
        # A NUL character above all, which SQLite keeps, and PostgreSQL does not.
        return QueryInvalid(f"{str(error.orig).splitlines()[0]}: leave it out")
    code = sqlstate(error)
    unavailable = code.startswith(_UNAVAILABLE) if code else isinstance(error, OperationalError)
    if unavailable or error.connection_invalidated:
        return DatabaseUnavailable(f"{name} does not answer: {str(error.orig).strip()}; start it, or try again later")
    return None
