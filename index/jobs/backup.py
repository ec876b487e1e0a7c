"""A copy of a workspace: taken while others search it, never while a job writes it, and itself a workspace."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.errors import WorkspaceError
from index.stores.disk_faults import disk_faults
from index.workspace import SETTINGS, Workspace

_PART = ".part"
# A database in use is copied by SQLite itself: its file alone is not the whole, and its size and time tell nothing.
_RECORDS = ("catalogue.sqlite", "service.sqlite")
_LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class BackedUp:
    """How many files were copied because they are new or changed, and how many were deleted because they are gone."""

    copied: int
    deleted: int


def back_up(workspace: Workspace, folder: Path) -> BackedUp:
    """Make `folder` what the workspace is. What it has already is not copied again; what left the workspace leaves it.

    Ended halfway, the folder may hold new files beside old ones, and the next backup completes it.

    Raises:
        WorkspaceError: another job is writing here, the folder is no place for a backup, or its disk is full or faulty.
    """
    folder = folder.absolute()
    _require_place(workspace.root, folder)
    with disk_faults(folder), workspace.lock("backup"):
        folder.mkdir(parents=True, exist_ok=True)
        here = _files(workspace.root)
        # The settings first, which make it a workspace; what names the live generation when all of it is there.
        order = sorted(here, key=lambda name: (name == workspace.current.name, name != SETTINGS, name))
        copied = sum(_copy(workspace.root / name, folder / name, name.endswith(_RECORDS)) for name in order)
        gone = _files(folder) - here
        for name in gone:
            (folder / name).unlink()
        for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            if not any(path.iterdir()) and not (workspace.root / path.relative_to(folder)).is_dir():
                path.rmdir()
        os.sync()
    return BackedUp(copied, len(gone))


def _require_place(root: Path, folder: Path) -> None:
    one, other = root.resolve(), folder.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise WorkspaceError(f"{folder} and the workspace {root} are one within the other: choose another folder")
    # What is not in the workspace is deleted there: it must not be anybody's.
    if folder.exists() and not (folder.is_dir() and ((folder / SETTINGS).exists() or not any(folder.iterdir()))):
        raise WorkspaceError(f"{folder} is neither empty nor a former backup: choose another folder")


def _files(root: Path) -> set[str]:
    """Every file, by its path within a workspace, but for locks, logs and what a crash left half written."""
    left = (*_LOGS, ".lock", _PART)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.name.endswith(left)}


def _copy(source: Path, target: Path, records: bool) -> bool:
    """Copy one file, aside and then by a rename, unless it is there; whether it was copied."""
    if not records and _same(source, target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}{_PART}")
    aside.unlink(missing_ok=True)
    if records:
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(aside)) as there:
            here.backup(there)
        # What somebody who used the backup left would be taken for a part of the new file.
        for log in _LOGS:
            target.with_name(target.name + log).unlink(missing_ok=True)
    else:
        shutil.copy2(source, aside)
    aside.replace(target)
    return True


def _same(source: Path, target: Path) -> bool:
    try:
        there = target.stat()
    except FileNotFoundError:
        return False
    here = source.stat()
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)
