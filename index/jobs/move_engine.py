"""The vectors of every generation moved from files to a server, or from there back into files.

Each generation is first prepared beside itself: the same records, the same row numbers, its vectors in the other
engine. Then the prepared ones take the place of the former ones. An interrupted move is completed by the next one,
which takes what was prepared if it is still intact.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from embedding.encoders.protocol import Vectors
from index.engines.milvus.address import Address
from index.engines.milvus.spec import MilvusSpec, index_for
from index.engines.protocol import Rows
from index.engines.row_fields import RowFields
from index.engines.writing import gather, write_engine
from index.errors import GenerationError, WorkspaceError
from index.generations import generations
from index.generations.conditions import row_fields
from index.generations.generations import ENGINE_FILES, JOB_PATIENCE, Generation, engine_file
from index.generations.layout import Base, Layout
from index.generations.manifest import FORMAT, REMOTE_FORMAT, CollectionPart, Manifest
from index.generations.segments import ENGINE_NAME, drop_unused, release_unused, segments_file
from index.generations.snapshot import IndexedView
from index.progress import Progress, Tick
from index.records.feed_records import Collection
from index.settings import as_toml
from index.stores.disk_faults import disk_faults
from index.stores.durable import link_or_copy, write_file
from index.workspace import SETTINGS, Workspace

Read = Callable[[Rows], Vectors]


@dataclass(frozen=True)
class MovedVectors:
    """How many generations have another engine now, and how many rows they have together."""

    generations: int
    rows: int


def move_vectors(workspace: Workspace, url: str, progress: Progress) -> MovedVectors | None:
    """Move the vectors of all generations to the server of `url`, or into files where it is empty; then the setting.

    At any moment every generation can be opened with the settings as they are: files can be under either setting, so
    it names the server before the first generation is there, and until the last one has left.

    Returns:
        None where all is there already.

    Raises:
        WorkspaceError: `url` is none, or another server has the vectors now; another job writes here.
        EngineUnavailable: the server does not answer, or not as a whole.
        GenerationError: a generation, or what the server has of it, is damaged.
    """
    former = workspace.settings.engine
    if url and former and url != former:
        raise WorkspaceError(
            f"the vectors are on {former}: move them into files first (--engine folder), or, if it is the same server "
            f"by another name, change the setting `engine` to {url}"
        )
    if not (server := url or former):
        return None
    at = Workspace(workspace.root, _with_engine(workspace, server).settings)
    target = _with_engine(workspace, url)
    with disk_faults(workspace.root), workspace.lock("move"):
        _require_answer(at)
        moving = [number for number in generations.numbers(at) if _differs(at, number, bool(url))]
        if url == former and not moving:
            # As after a run that was interrupted once everything was in place.
            generations.clear_unfinished(at)
            return None
        prepared, rows = _prepare_all(at, moving, bool(url), progress)
        if url:
            _write_settings(target)
        for number, folder in prepared.items():
            generations.replace_by(at, folder, number)
        generations.clear_unfinished(at)
        drop_unused(at)
        if url:
            release_unused(at, generations.live_number(at))
        else:
            at.objects.delete([ENGINE_NAME])
            _write_settings(target)
    return MovedVectors(len(prepared), rows)


def _with_engine(workspace: Workspace, url: str) -> Workspace:
    if url:
        Address.parse(url)
    try:
        return Workspace(workspace.root, replace(workspace.settings, engine=url))
    except ValidationError:
        raise WorkspaceError(f"engine = {url!r}: needs milvus://host:port, or milvus+tls://host:port") from None


def _write_settings(target: Workspace) -> None:
    write_file(target.root / SETTINGS, as_toml(target.settings))


def _require_answer(at: Workspace) -> None:
    try:
        from index.generations.remote_engine import prove
    except ImportError as error:
        raise WorkspaceError(
            f"engine = {at.settings.engine!r} needs a library that does not load here ({error}): "
            "pip install 'traceobject[milvus]'"
        ) from error
    prove(at, None)


def _differs(at: Workspace, number: int, to_server: bool) -> bool:
    manifest = Manifest.read(generations.folder_of(at, number))
    return any(part.is_remote != to_server for part in manifest.collections.values())


def _prepare_all(
    at: Workspace, numbers: Sequence[int], to_server: bool, progress: Progress
) -> tuple[dict[int, Path], int]:
    """The prepared folder of each generation, and how many rows they have."""
    prepared: dict[int, Path] = {}
    parts = [part for n in numbers for part in Manifest.read(generations.folder_of(at, n)).collections.values()]
    total = sum(part.rows for part in parts)
    last: Path | None = None
    with progress.step("vectors", total) as tick:
        for number in numbers:
            folder, aside = generations.folder_of(at, number), at.generations / f".moving-{number}"
            manifest = Manifest.read(folder)
            done = _Done(sum(part.rows for part in manifest.collections.values()), tick)
            if not _is_prepared(at, manifest, aside, to_server):
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
                for name in _others(manifest):
                    link_or_copy(folder / name, aside / name)
                with closing(Generation(folder, at.settings.engine, JOB_PATIENCE)) as opened:
                    _prepare(at, opened, aside, last if to_server else None, to_server, done)
            prepared[number] = last = aside
            done.add(total)
    return prepared, total


class _Done:
    """How many rows of a generation are done: those that were read, at most `rows`, since some are read twice."""

    def __init__(self, rows: int, tick: Tick) -> None:
        self._left, self._tick = rows, tick

    def add(self, rows: int) -> None:
        """So many more, or all that are left."""
        new = min(rows, self._left)
        self._left -= new
        self._tick(new)

    def reading(self, read: Read) -> Read:
        """The same function, counted."""

        def counted(rows: Rows) -> Vectors:
            vectors = read(rows)
            self.add(len(rows))
            return vectors

        return counted


def _is_prepared(at: Workspace, manifest: Manifest, aside: Path, to_server: bool) -> bool:
    """Whether an earlier run prepared the generation of a manifest, as it still is."""
    from index.generations.remote_engine import prove_engine

    try:
        made = Manifest.read(aside)
        if _others(made) != _others(manifest) or any(part.is_remote != to_server for part in made.collections.values()):
            return False
        made.verify(aside)
        with closing(Generation(aside, at.settings.engine, JOB_PATIENCE)) as opened:
            for name in made.collections:
                prove_engine(opened.engine(name))
    except GenerationError:
        return False
    return True


def _prepare(at: Workspace, former: Generation, aside: Path, last: Path | None, to_server: bool, done: _Done) -> None:
    """Write the other engine of a generation beside the files that stay.

    Args:
        last: the prepared folder of the generation before, whose segments are used again where rows are the same.
    """
    from index.generations.remote_engine import prove_engine

    manifest, parts = former.manifest, dict[Collection, CollectionPart]()
    for name, part in manifest.collections.items():
        engine = former.engine(name)
        prove_engine(engine)
        read = done.reading(engine.vectors)
        views = tuple(sorted(former.records.all_views(name), key=lambda view: view.row))
        if to_server:
            fields = {entry.id: row_fields(entry) for entry in former.records.entries(name)}
            base = None if last is None else _base(at, last, manifest, name, views, fields)
            written = _to_server(at, aside / segments_file(name), part, views, fields, read, manifest, base)
        else:
            written = _to_files(at, aside / engine_file(name), views, read, manifest.dimension)
        if written.rows != part.rows:
            raise GenerationError(
                f"generation {manifest.generation} has {written.rows} rows, not {part.rows}: re-index"
            )
        # The cosines are those that they were.
        parts[name] = replace(written, entries=part.entries, images=part.images, spread=part.spread)
    files = generations.checksums(aside)
    form = REMOTE_FORMAT if to_server else FORMAT
    generations.seal(aside, replace(manifest, collections=parts, files=files, format=form))


def _to_server(
    at: Workspace,
    path: Path,
    part: CollectionPart,
    views: tuple[IndexedView, ...],
    fields: Mapping[int, RowFields],
    read: Read,
    manifest: Manifest,
    base: Base | None,
) -> CollectionPart:
    from index.generations.remote_engine import write_remote

    def write(some: tuple[IndexedView, ...], base: Base | None) -> CollectionPart:
        layout = Layout(some, _rows(some), base, np.empty(0, np.int64))
        return write_remote(at, path, layout, fields, read, manifest.dimension)

    if base is None and part.base:
        # A graph is tuned by its last rows, and those of the base alone are a random sample.
        first = tuple(view for view in views if view.row < part.base)
        base = Base(path, write(first, None), first, 0, fields)
    return write(views, base)


def _base(
    at: Workspace,
    last: Path,
    manifest: Manifest,
    name: Collection,
    views: Sequence[IndexedView],
    fields: Mapping[int, RowFields],
) -> Base | None:
    """The segments of the generation before, where they have the rows of this one, but for later ones."""
    from index.generations.remote_engine import next_row

    with closing(Generation(last, at.settings.engine, JOB_PATIENCE)) as before:
        its, part = before.manifest, before.manifest.collections[name]
        if (its.model, its.model_sha256, its.dimension) != (manifest.model, manifest.model_sha256, manifest.dimension):
            return None
        if index_for(len(views), at.settings.recall_target) != MilvusSpec.parse(part.spec).index:
            return None
        its_views = list(before.records.all_views(name))
        its_fields = {entry.id: row_fields(entry) for entry in before.records.entries(name)}
    file = last / segments_file(name)
    first_new = next_row(file, part, at)
    rows = {view.row: (view.image, view.region, its_fields[view.entry]) for view in its_views}
    common = [view for view in views if view.row < first_new]
    if any(rows.get(view.row) != (view.image, view.region, fields[view.entry]) for view in common):
        return None
    return Base(file, part, its_views, first_new, its_fields)


def _to_files(at: Workspace, path: Path, views: Sequence[IndexedView], read: Read, dimension: int) -> CollectionPart:
    rows = _rows(views)
    every = np.arange(rows[-1] + 1 if len(rows) else 0)
    # A row that is gone takes a neighbour's vector, and is never found.
    filled = rows[np.maximum(np.searchsorted(rows, every, side="right") - 1, 0)]
    gone = np.setdiff1d(every, rows, assume_unique=True)
    settings = at.settings
    tuned = write_engine(path, gather(path, filled, dimension, read), at.index_memory, settings.recall_target, gone)
    spec, base = tuned.engine.stats().spec, len(every) if len(gone) else 0
    return CollectionPart(0, 0, len(rows), spec, tuned.recall, tuned.refused, base)


def _rows(views: Sequence[IndexedView]) -> Rows:
    return np.array([view.row for view in views], np.int64)


def _others(manifest: Manifest) -> Mapping[str, object]:
    """The files of a generation that are no engine's, and their checksums."""
    return {
        name: each
        for name, each in manifest.files.items()
        if not any(fnmatch(name, pattern) for pattern in ENGINE_FILES)
    }
