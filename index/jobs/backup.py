"""A copy of a workspace, itself a workspace: made while others search it, but not while a job writes it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from index.errors import WorkspaceError
from index.generations.segments import ENGINE_NAME
from index.jobs.database_dump import DUMP, MANIFEST, DatabaseDump, dump_database
from index.stores.disk_faults import disk_faults
from index.stores.objects.protocol import ObjectInfo, ObjectStore
from index.workspace import SETTINGS, Workspace

_PART = ".part"
# Where a backup has what is in an object store: name it in the setting `objects` of a restored workspace.
OBJECTS = "objects"
_COPIES = ("generations", "fetching")
# Databases in use are copied by SQLite: their files are incomplete without logs, and size and time show no change.
_DATABASES = ("catalogue.sqlite", "service.sqlite")
_LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class BackedUp:
    """How many new or changed files were copied, and how many that the workspace no longer has were deleted.

    `database`: the copy of a PostgreSQL database; None where the records are in the workspace, or in another database
    that has to be copied by its own means.
    """

    copied: int
    deleted: int
    database: DatabaseDump | None = None


def back_up(workspace: Workspace, folder: Path) -> BackedUp:
    """Make `folder` equal to the workspace: new and changed files are copied, others deleted.

    If it is interrupted, the folder may have new files beside old ones, and the next backup completes it.

    Raises:
        WorkspaceError: another job is writing here, the folder cannot be used, its disk is full or faulty, or the
            database cannot be copied.
    """
    folder = folder.absolute()
    _require_usable(workspace.root, folder)
    with disk_faults(folder), workspace.lock("backup"):
        folder.mkdir(parents=True, exist_ok=True)
        # Of an object store the folder has copies of generations alone.
        here = _files(workspace.root, _COPIES if workspace.settings.objects else ())
        # The settings first, because they make it a workspace; the pointer to the live generation last.
        order = sorted(here, key=lambda name: (name == workspace.current.name, name != SETTINGS, name))
        copied = sum(_copy(workspace.root / name, folder / name, name.endswith(_DATABASES)) for name in order)
        if workspace.settings.objects:
            stored = [each for each in workspace.objects.list_objects() if each.key != ENGINE_NAME]
            copied += sum(_copy_object(workspace.objects, each, folder / OBJECTS / each.key) for each in stored)
            here |= {f"{OBJECTS}/{each.key}" for each in stored}
        # After the files, because it has the pointer to the live generation.
        dumped = _dump(workspace, folder)
        surplus = _files(folder) - here - ({DUMP, MANIFEST} if dumped else set())
        for name in surplus:
            (folder / name).unlink()
        for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            if not any(path.iterdir()) and not (workspace.root / path.relative_to(folder)).is_dir():
                path.rmdir()
        os.sync()
    return BackedUp(copied, len(surplus), dumped)


def _dump(workspace: Workspace, folder: Path) -> DatabaseDump | None:
    if not workspace.settings.database.startswith("postgresql"):
        return None
    return dump_database(workspace.database_url, folder)


def _require_usable(root: Path, folder: Path) -> None:
    one, other = root.resolve(), folder.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise WorkspaceError(f"{folder} and the workspace {root} contain one another: choose another folder")
    # Files that are not in the workspace are deleted from the folder, so it must not contain anything else.
    if folder.exists() and not (folder.is_dir() and ((folder / SETTINGS).exists() or not any(folder.iterdir()))):
        raise WorkspaceError(f"{folder} is neither empty nor a former backup: choose another folder")


def _files(root: Path, without: tuple[str, ...] = ()) -> set[str]:
    """Every file, by its path within a workspace, without locks, logs, unfinished files, and some folders."""
    # A copy has segments of its own on a server, and none of its jobs may drop those of the original.
    ignored = (*_LOGS, ".lock", _PART, ENGINE_NAME)
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(ignored))
    names = {str(path.relative_to(root)) for path in found}
    return {name for name in names if name.partition("/")[0] not in without}


def _copy_object(objects: ObjectStore, found: ObjectInfo, target: Path) -> bool:
    """Copy an object, unless it is there; returns whether it was copied. Manifests alone are ever replaced."""
    with suppress(FileNotFoundError):
        if not found.key.endswith(".json") and target.stat().st_size == found.size:
            return False
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}{_PART}")
    aside.unlink(missing_ok=True)
    objects.download(found.key, aside)
    aside.replace(target)
    return True


def _copy(source: Path, target: Path, records: bool) -> bool:
    """Copy one file, by way of a temporary one, unless it is unchanged; returns whether it was copied."""
    if not records and _same(source, target):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}{_PART}")
    aside.unlink(missing_ok=True)
    if records:
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(aside)) as there:
            here.backup(there)
        # Logs left by a program that used the backup would be applied to the new file.
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
