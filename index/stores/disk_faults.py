"""What a full or faulty disk raises, as one clear error: the system, SQLite and FAISS each have their own words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import WorkspaceError


@contextmanager
def disk_faults(root: Path) -> Iterator[None]:
    """Turn the faults of a disk into a WorkspaceError that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _told(root, str(error)) from error
    except RuntimeError as error:
        # "Error in void faiss::write_index(...): ... write error in ... (No space left on device)"
        if "faiss::" not in str(error):
            raise
        raise _told(root, str(error)) from error


def _told(root: Path, reason: str) -> WorkspaceError:
    return WorkspaceError(
        f"{root} cannot be written: {reason}. What was published goes on answering; make room or mend the disk, and "
        "run again: it goes on where it ended"
    )
