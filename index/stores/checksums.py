"""The checksums of files, and a record of those that were verified, so that they need not be read again to be opened.

A verified file is recorded by its status: device, inode, size, time of change of content and of status. The last cannot
be set by a program, so any later write or replacement is noticed. Decay of the disk is not; a full verification notices
that, and every nightly run makes one.
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

VERIFIED_FILE = "verified.json"
# Two changes within one tick of the kernel's clock have the same time, so a file that just changed is not recorded.
_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True)
class FileChecksum:
    """The length and SHA-256 of a file of a generation."""

    bytes: int
    sha256: str


def checksum(path: Path) -> FileChecksum:
    """The checksum of a file as it is now."""
    with path.open("rb") as file:
        return FileChecksum(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def damaged(folder: Path, files: Mapping[str, FileChecksum], *, trust_verified: bool = False) -> list[Path]:
    """The files of a folder that are missing or differ from their checksums; the others are recorded as verified.

    Args:
        trust_verified: do not read a file that was verified before and has not changed since.
    """
    verified = _read_verified(folder) if trust_verified else {}
    statuses = {name: _status(folder / name) for name in files}
    unread = [name for name, expected in files.items() if verified.get(name) != [expected.sha256, *statuses[name]]]
    if not unread:
        return []
    began = time.time_ns()
    with ThreadPoolExecutor() as pool:
        intact = dict(zip(unread, pool.map(lambda name: _is_intact(folder / name, files[name]), unread), strict=True))
    settled = {
        name: [expected.sha256, *statuses[name]]
        for name, expected in files.items()
        if intact.get(name, True) and statuses[name] == _status(folder / name) and _is_settled(statuses[name], began)
    }
    # Only a cache: where the folder cannot be written, all files are read again the next time.
    if settled:
        with suppress(OSError):
            write_file(folder / VERIFIED_FILE, json.dumps(settled, indent=2, sort_keys=True).encode(), name_too=False)
    return [folder / name for name in unread if not intact[name]]


def _is_settled(status: list[int], now: int) -> bool:
    return bool(status) and max(status[-2:]) < now - _SETTLED_NS


def _is_intact(path: Path, expected: FileChecksum) -> bool:
    try:
        return path.stat().st_size == expected.bytes and checksum(path) == expected
    except OSError:
        return False


def _status(path: Path) -> list[int]:
    """Device, inode, size and times of change of a file; empty where it is missing."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read_verified(folder: Path) -> dict[str, list[object]]:
    """The recorded status of verified files; empty if another user wrote the record, unless they own the folder."""
    path = folder / VERIFIED_FILE
    try:
        if path.stat().st_uid not in (os.geteuid(), folder.stat().st_uid):
            return {}
        recorded = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return recorded if isinstance(recorded, dict) else {}
