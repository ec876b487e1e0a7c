"""What a workspace keeps by content, copied from one object store to another, and verified there.

Whatever is there already is left, so that an interrupted copy is completed by the next one; what the source has no
longer is deleted there. Rows that are damaged are not copied: the next re-index makes them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np

from embedding.local import RECORD_BYTES, RECORD_VERSION
from index.errors import WorkspaceError
from index.generations import generations
from index.generations.manifest import Manifest
from index.generations.segments import ENGINE_NAME
from index.generations.stored import StoredGenerations
from index.progress import Progress, Tick
from index.stores import features, images, text, vectors
from index.stores.objects.protocol import ObjectInfo, ObjectMissing, ObjectStore
from index.stores.rows import StoredRows, open_rows
from index.workspace import Workspace

# The object that marks a place as filled by a move, which its content tells from others.
MARK = "being-moved-here"
_PARALLEL = 16
_ROWS, _READINGS = 1_024, 5_000


@dataclass(frozen=True)
class CopiedObjects:
    """How many pictures, rows of vectors and features, readings of text and generations the target has of the source.

    `damaged`: how many rows and readings were left behind.
    """

    images: int
    rows: int
    readings: int
    generations: int
    damaged: int


def claim(target: ObjectStore, token: str) -> None:
    """Mark an empty place as filled by the move of that token.

    Raises:
        WorkspaceError: it holds objects already.
    """
    try:
        if target.get_version(MARK)[0] == token.encode():
            return
    except ObjectMissing:
        pass
    # A workspace's own folder has other files, too, and copies of the generations that are elsewhere.
    for folder in (images.FOLDER, vectors.FOLDER, features.FOLDER, text.FOLDER) if target.appendable else ("",):
        for found in target.list_objects(folder):
            raise WorkspaceError(f"{target.name} has objects already ({found.key}): name an empty place, or empty it")
    target.replace(MARK, token.encode(), None)


def release(target: ObjectStore) -> None:
    """Delete the mark of `claim`: everything is there."""
    target.delete([MARK])


def copy_objects(workspace: Workspace, target: Workspace, progress: Progress) -> CopiedObjects:
    """Copy pictures, vectors, features, text and generations of a locked workspace to where `target` has them.

    Raises:
        WorkspaceError: an object cannot be read or written, or is not in the target as it was in the source.
    """
    source, there = workspace.objects, target.objects
    pictures = _copy_images(source, there, progress)
    tables: list[tuple[str, str, type[np.generic], int]] = [
        (f"{features.FOLDER}/xfeat-{RECORD_VERSION}", "features", np.uint8, RECORD_BYTES)
    ]
    for about in sorted(key for key, _ in source.list_objects(vectors.FOLDER) if key.endswith("/about.json")):
        content = source.get(about)
        there.put(about, content)
        tables.append((about.rpartition("/")[0], "vectors", np.float16, json.loads(content)["dimension"]))
    rows, damaged = 0, 0
    for table in tables:
        copied, bad = _copy_rows(open_rows(source, *table), open_rows(there, *table), table[1], progress)
        rows, damaged = rows + copied, damaged + bad
    readings, unread = _copy_text(source, there, progress)
    number = _copy_generations(workspace, target, progress)
    if source.exists(ENGINE_NAME):
        there.put(ENGINE_NAME, source.get(ENGINE_NAME))
    return CopiedObjects(pictures, rows, readings, number, damaged + unread)


def _copy_images(source: ObjectStore, target: ObjectStore, progress: Progress) -> int:
    found = [each for each in source.list_objects(images.FOLDER) if each.key.endswith(".jpg")]
    there = {each.key: each.size for each in target.list_objects(images.FOLDER)}
    missing = [each for each in found if there.get(each.key) != each.size]

    def copy(each: ObjectInfo) -> None:
        content = source.get(each.key)
        target.put(each.key, content)
        if target.get_version(each.key)[0] != content:
            raise WorkspaceError(f"{target.name}: {each.key} is not what was stored: see that nobody else writes there")

    target.delete(there.keys() - {each.key for each in found})
    with progress.step("pictures", len(found)) as tick, ThreadPoolExecutor(_PARALLEL, "moving") as pool:
        tick(len(found) - len(missing))
        _each(pool, copy, missing, tick)
    listed = {each.key: each.size for each in target.list_objects(images.FOLDER)}
    if any(listed.get(each.key) != each.size for each in found):
        raise WorkspaceError(f"{target.name} does not hold all pictures that were stored: run this again")
    return len(found)


def _copy_rows(source: StoredRows, target: StoredRows, what: str, progress: Progress) -> tuple[int, int]:
    """Copy what the target lacks, and read it all there; returns how many rows it has, and how many were damaged."""
    damaged = 0
    target.discard_unused({image.tobytes().hex() for image in source.images()})
    with progress.step(what, len(source)) as tick:
        for start in range(0, len(source), _ROWS):
            rows = np.arange(start, min(start + _ROWS, len(source)))
            keys = source.keys(rows)
            missing = np.flatnonzero(target.rows(keys) < 0)
            if len(missing):
                content = source.get(rows[missing])
                intact = source.is_intact(rows[missing], content)
                damaged += int((~intact).sum())
                target.append([keys[place] for place in missing[intact].tolist()], content[intact])
            tick(len(rows))
    if bad := target.damaged():
        raise WorkspaceError(f"{len(bad)} {what} are not as they were stored: check that store, and run this again")
    return len(target), damaged


def _copy_text(source: ObjectStore, target: ObjectStore, progress: Progress) -> tuple[int, int]:
    total, damaged = 0, 0
    for version in text.text_versions(source):
        with closing(text.open_text(source, version)) as here, closing(text.open_text(target, version)) as there:
            there.discard(there.images() - here.images())
            wanted = sorted(here.images() - there.images())
            with progress.step("readings of text", len(wanted)) as tick:
                for start in range(0, len(wanted), _READINGS):
                    part = wanted[start : start + _READINGS]
                    there.append(dict(here.get(part)))
                    tick(len(part))
            damaged += len(here.images() - there.images())
            if bad := there.damaged():
                raise WorkspaceError(
                    f"{len(bad)} readings of text are not as they were stored: check that store, and run this again"
                )
            total += len(there.images())
    return total, damaged


def _copy_generations(workspace: Workspace, target: Workspace, progress: Progress) -> int:
    """Copy every generation; the copies in this machine's folder, which both places use, are verified."""
    found = generations.numbers(workspace)
    stored = StoredGenerations(target.objects, target.generations) if target.settings.objects else None
    with progress.step("generations", len(found)) as tick:
        for number in found:
            folder = generations.folder_of(workspace, number)
            Manifest.read(folder).verify(folder)
            if stored is not None:
                stored.copy(number)
            tick(1)
    if stored is not None:
        for number in set(stored.numbers()) - set(found):
            stored.delete(number)
    return len(found)


def _each(pool: ThreadPoolExecutor, copy: Callable[[ObjectInfo], None], items: list[ObjectInfo], tick: Tick) -> None:
    """Copy items in parallel; few are waiting at a time, so that an error ends it soon."""
    left: Iterator[ObjectInfo] = iter(items)
    while some := list(islice(left, 16 * _PARALLEL)):
        for _ in pool.map(copy, some):
            tick(1)
