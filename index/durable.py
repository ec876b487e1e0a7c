"""Files that survive a power cut: written aside, flushed to the disk, then put in place by one rename."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_file(path: Path, data: bytes, *, name_too: bool = True) -> None:
    """Replace `path` by `data`: a reader sees the old bytes or the new ones, never a part.

    `name_too` flushes the folder as well: without it a power cut may leave the old file, or none, but never a part.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    if name_too:
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Flush a file that something else wrote."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Flush a folder, so that a rename in it outlives a power cut."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
