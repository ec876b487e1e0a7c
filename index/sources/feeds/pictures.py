"""Local pictures that feeds refer to: plain files, and members of tar shards read in place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from embedding.errors import ImageRefused
from index.sources.feeds.disk_names import as_on_disk
from index.sources.feeds.tar_members import DamagedTar, find_member


def read_picture(reference: str, limit: int) -> bytes:
    """Return the bytes of a local picture, at most `limit` of them.

    `reference` is a path, or `SHARD.tar#MEMBER` where no file has that whole name. Raises ImageRefused with reason
    "missing", "unreadable", "not-a-file" (a folder, a device, a pipe) or "too-many-bytes". Nothing is written.
    """
    shard = _shard(reference)
    if shard is None:
        return _read(Path(as_on_disk(reference)), 0, None, limit, reference)
    path, name = shard
    try:
        member = find_member(path, name)
    except (DamagedTar, OSError) as error:
        raise ImageRefused("unreadable", f"{reference}: the shard cannot be read: {error}") from error
    if member is None:
        raise ImageRefused("missing", f"{reference}: the shard has no such member. Has it been written anew?")
    return _read(path, member.offset, member.size, limit, reference)


def file_of(reference: str) -> Path:
    """Return the file that holds a local picture: itself, or the tar shard it is a member of."""
    shard = _shard(reference)
    return Path(as_on_disk(reference)) if shard is None else shard[0]


def _shard(reference: str) -> tuple[Path, str] | None:
    """Take `SHARD#MEMBER` apart at the first `#` before which a file's name ends; None for a plain path."""
    if "#" not in reference or "\0" in reference or os.path.exists(reference):  # noqa: PTH110 - any text may stand here
        return None
    at = reference.find("#")
    while at > 0:
        if os.path.isfile(path := as_on_disk(reference[:at])):  # noqa: PTH113
            return Path(path), reference[at + 1 :]
        at = reference.find("#", at + 1)
    return None


def _read(path: Path, offset: int, size: int | None, limit: int, reference: str) -> bytes:
    """Read `size` bytes, or the whole file, from `offset`."""
    try:
        # Opening a pipe would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ImageRefused("not-a-file", f"{reference}: is not a plain file.")
            file.seek(offset)
            data = file.read(limit + 1 if size is None else min(size, limit + 1))
    except FileNotFoundError as error:
        raise ImageRefused("missing", f"{reference}: no such file. Is the feed's folder complete?") from error
    except IsADirectoryError as error:
        raise ImageRefused("not-a-file", f"{reference}: is a folder.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ImageRefused("unreadable", f"{reference}: cannot be read: {reason}. Check its permissions.") from error
    if len(data) > limit:
        raise ImageRefused("too-many-bytes", f"{reference}: has over {limit} bytes. Give a smaller picture.")
    if size is not None and len(data) < size:
        raise ImageRefused("unreadable", f"{reference}: the shard ends in the middle of this member.")
    return data
