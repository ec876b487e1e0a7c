"""The seam: a lock for the one job that writes a workspace, and the pointer to its live generation."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy.engine import Connection

PublicationRecord = Callable[[int, Connection | None], None]
"""Records that a generation becomes live; within a transaction of the same database where one is given."""


def unrecorded(_: int, __: Connection | None) -> None:
    """For publications that nobody keeps a record of."""


class Coordination(Protocol):
    """Every method may be called from any thread and process, on any machine that uses the workspace."""

    def lock(self, job: str) -> AbstractContextManager[None]:
        """The exclusive right to write; it ends with the block, or with the process, however that ends.

        Raises:
            WorkspaceBusy: another job has it; the error names that job.
            DatabaseUnavailable: a database server decides, and does not answer.
        """

    def live(self) -> int | None:
        """The live generation's number, or None before the first is published.

        Raises:
            GenerationError: the pointer is damaged.
            DatabaseUnavailable: see `lock`.
        """

    def version(self) -> Hashable:
        """Differs after each `point`, also of the same number. Cheap, for it is asked several times a second.

        Raises:
            DatabaseUnavailable: see `lock`.
        """

    def point(self, number: int, record: PublicationRecord = unrecorded) -> None:
        """Make a generation the live one, at once and durably, and record it.

        If `record` raises, the pointer stays as it was. Pointer and record are one transaction where a database has
        both; otherwise the record is written first, so that no publication is without one.

        Raises:
            DatabaseUnavailable: see `lock`; also if the server was restarted since this process locked the workspace,
                because another job may have locked it then.
        """
