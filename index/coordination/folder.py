"""Coordination by files of the workspace: for one machine, or several with one file system that supports flock."""

from __future__ import annotations

import fcntl
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from index.coordination.protocol import PublicationRecord, unrecorded
from index.errors import GenerationError, WorkspaceBusy
from index.stores.durable import write_file

POINTER = "CURRENT"


def busy(root: Path, holder: str, job: str) -> WorkspaceBusy:
    """The error of a job that found the workspace locked."""
    return WorkspaceBusy(
        f"{root} is being written by {holder}; `{job}` left it alone: run it again when that has ended", holder
    )


class FolderCoordination:
    """writer.lock, which the writing job locks, and CURRENT, replaced by an atomic rename."""

    def __init__(self, root: Path) -> None:
        self._root, self._pointer = root, root / POINTER

    @contextmanager
    def lock(self, job: str) -> Iterator[None]:
        with (self._root / "writer.lock").open("a+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise busy(self._root, file.read().decode(errors="replace").strip() or "another job", job) from None
            # Only so that a second job can name this one: a full disk must not end the job here.
            with suppress(OSError):
                file.truncate(0)
                file.write(job.encode())
            yield

    def live(self) -> int | None:
        try:
            return int(self._pointer.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            return None
        except ValueError:
            raise GenerationError(f"{self._pointer} does not name a generation: roll back to one") from None

    def version(self) -> Hashable:
        """Inode, modification time and size: each write renames a new file over it, so the inode changes."""
        try:
            status = self._pointer.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def point(self, number: int, record: PublicationRecord = unrecorded) -> None:
        record(number, None)
        write_file(self._pointer, f"{number}\n".encode())
