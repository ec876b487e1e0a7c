"""Files that survive a power cut: written to a temporary file, flushed to disk, then renamed into place."""

from __future__ import annotations

import ctypes
import os
import shutil
import threading
from pathlib import Path

# Arguments of renameat2(2): paths are relative to the working folder; the two names are exchanged.
_AT_FDCWD, _EXCHANGE = -100, 2


def write_file(path: Path, data: bytes, *, name_too: bool = True) -> None:
    """Replace `path` by `data`: a reader sees the old bytes or the new ones, never a part.

    `name_too` also flushes the folder: without it a power cut may leave the old file, or none, but never a part.
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
    """Flush a folder, so that a rename in it survives a power cut."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link_or_copy(file: Path, path: Path) -> None:
    """Give a file that is never changed another name; some file systems have no hard links, there it is copied."""
    try:
        os.link(file, path)
    except OSError:
        shutil.copyfile(file, path)


def exchange(one: Path, other: Path) -> None:
    """Exchange two files or folders on one disk, atomically where the system supports it.

    Elsewhere (it takes Linux and a local file system), `one` is missing for the moment between two renames.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    swap = getattr(libc, "renameat2", None)
    names = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    if swap is None or swap(*names) != 0:
        aside = one.with_name(f".{one.name}.aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
    sync_folder(one.parent)
    sync_folder(other.parent)
