"""Errors of a full or faulty disk, which the system, SQLite, FAISS and safetensors raise in their own ways, as one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from index.errors import WorkspaceError


@contextmanager
def disk_faults(root: Path) -> Iterator[None]:
    """Translate the errors of a disk into a WorkspaceError that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _error(root, str(error)) from error
    except RuntimeError as error:
        # "Error in void faiss::write_index(...): ... write error in ... (No space left on device)"
        if "faiss::" not in str(error):
            raise
        raise _error(root, str(error)) from error
    except SafetensorError as error:
        # "Error while serializing: I/O error: No space left on device (os error 28)"
        if "I/O error" not in str(error):
            raise
        raise _error(root, str(error)) from error


def _error(root: Path, reason: str) -> WorkspaceError:
    return WorkspaceError(
        f"{root} cannot be written: {reason}. The published generation still answers; free some space or repair the "
        "disk, and run again: it resumes where it stopped"
    )
