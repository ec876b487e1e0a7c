"""The proof of a file, its SHA-256; and the memory of having checked it, so that opening need not read it all again.

A file is remembered by what the kernel says of it: device, inode, size, time of change of content and of status. The
last cannot be set by a program, so whatever was written to the file since, or put in its place, shows. What does not
show is a disk that alters what it keeps; a full check does that, as does every nightly run.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from index.stores.durable import write_file

MEMORY = "verified.json"
# Two changes within one tick of the kernel's clock look alike: what changed just now is not remembered.
_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True)
class FileChecksum:
    """A file of a generation: how long it is, and its SHA-256."""

    bytes: int
    sha256: str


def checksum(path: Path) -> FileChecksum:
    """A file's proof as it is now."""
    with path.open("rb") as file:
        return FileChecksum(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def damaged(folder: Path, files: Mapping[str, FileChecksum], *, remembered: bool = False) -> list[Path]:
    """The files of a folder that are missing or differ from their proofs; those that do not are remembered.

    Args:
        remembered: do not read a file that was found whole before and has not been touched since.
    """
    memory = _remember(folder) if remembered else {}
    looks = {name: _look(folder / name) for name in files}
    unread = [name for name, expected in files.items() if memory.get(name) != [expected.sha256, *looks[name]]]
    if not unread:
        return []
    began = time.time_ns()
    with ThreadPoolExecutor() as pool:
        whole = dict(zip(unread, pool.map(lambda name: _is_whole(folder / name, files[name]), unread), strict=True))
    settled = {
        name: [expected.sha256, *looks[name]]
        for name, expected in files.items()
        if whole.get(name, True) and looks[name] == _look(folder / name) and _is_settled(looks[name], began)
    }
    # Only a memory: a folder that may not be written is read again next time.
    if settled:
        with suppress(OSError):
            write_file(folder / MEMORY, json.dumps(settled, indent=2, sort_keys=True).encode(), name_too=False)
    return [folder / name for name in unread if not whole[name]]


def _is_settled(look: list[int], now: int) -> bool:
    return bool(look) and max(look[-2:]) < now - _SETTLED_NS


def _is_whole(path: Path, expected: FileChecksum) -> bool:
    try:
        return path.stat().st_size == expected.bytes and checksum(path) == expected
    except OSError:
        return False


def _look(path: Path) -> list[int]:
    """What the kernel says of a file; nothing where it is missing."""
    try:
        told = path.stat()
    except OSError:
        return []
    return [told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns]


def _remember(folder: Path) -> dict[str, list[object]]:
    """What was found whole before; nothing that another user tells, unless the folder is theirs."""
    path = folder / MEMORY
    try:
        if path.stat().st_uid not in (os.geteuid(), folder.stat().st_uid):
            return {}
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
