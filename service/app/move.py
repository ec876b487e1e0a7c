"""A workspace's records, objects and vectors moved to another database, place and engine, or back into its folder.

The source is left as it is. A run that was interrupted is completed by the next one: `moving.json` in the workspace
says where to, and how far the tables are. The last step is the settings, replaced by one rename.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.coordination.folder import FolderCoordination
from index.errors import WorkspaceError
from index.jobs import move_objects, move_tables
from index.jobs.move_engine import MovedVectors, move_vectors
from index.jobs.move_objects import CopiedObjects, copy_objects
from index.jobs.move_tables import Databases
from index.progress import Progress, Tick
from index.records.database import Database
from index.records.migrations.history import CATALOGUE
from index.records.schema import metadata as catalogue_tables
from index.settings import as_toml
from index.stores.disk_faults import disk_faults
from index.stores.durable import write_file
from index.workspace import SETTINGS, Workspace
from service.tables import HISTORY, service_database_url
from service.tables import metadata as service_tables

STATE = "moving.json"


@dataclass(frozen=True)
class Moved:
    """What was moved: rows by table, objects and vectors; None for what stayed, or was there already."""

    tables: Mapping[str, int] | None
    objects: CopiedObjects | None
    vectors: MovedVectors | None = None


@dataclass
class _State:
    """Where to, and the key that each table was copied up to."""

    token: str
    database: str | None
    objects: str | None
    copied: dict[str, list[Any]] = field(default_factory=dict)


def move(
    workspace: Workspace,
    database: str | None,
    objects: str | None,
    progress: Progress,
    engine: str | None = None,
) -> Moved:
    """Move the records to a database, what is kept by content to an object store, and vectors to an engine.

    Vectors that go to a server go first, so that their files are not copied; those that come back come last.

    Args:
        database, objects, engine: what the settings of those names take, or None, which leaves it where it is; "" is
            the workspace's folder.

    Raises:
        WorkspaceError: the target holds something else, or differs from the source after it was copied; another move
            was begun; another job or a server writes here. The settings are unchanged then, and running it again
            goes on.
        EngineUnavailable, GenerationError: see `move_vectors`.
    """
    vectors = move_vectors(workspace, engine, progress) if engine else None
    if database is None and objects is None:
        moved = Moved(None, None, vectors)
    else:
        moved = replace(_move_places(Workspace.open(workspace.root), database, objects, progress), vectors=vectors)
    if engine == "":
        moved = replace(moved, vectors=move_vectors(Workspace.open(workspace.root), engine, progress))
    return moved


def _move_places(workspace: Workspace, database: str | None, objects: str | None, progress: Progress) -> Moved:
    """Move the records and what is kept by content, see `move`."""
    settings = workspace.settings
    if (begun := _read(workspace.root)) is not None and _is_switched(workspace, begun):
        # It was interrupted after its last step.
        with workspace.lock("move"):
            _clean_up(workspace, begun)
    database = None if database == settings.database else database
    objects = None if objects == settings.objects else objects
    if database is None and objects is None:
        # As after a run that was killed once it had ended.
        return Moved(None, None)
    target = Workspace(
        workspace.root,
        replace(
            settings,
            database=settings.database if database is None else database,
            objects=settings.objects if objects is None else objects,
        ),
    )
    with disk_faults(workspace.root), workspace.lock("move"):
        state = _begun(workspace, database, objects)
        try:
            _claim(target, state)
        except WorkspaceError:
            # What cannot be begun is no move to be completed.
            if begun is None:
                (workspace.root / STATE).unlink()
            raise
        copied = None if objects is None else copy_objects(workspace, target, progress)
        with ExitStack() as unchanging:
            rows = None
            if database is not None:
                rows = _move_tables(workspace, target, state, progress, unchanging)
                _point(workspace, target)
            write_file(workspace.root / SETTINGS, as_toml(target.settings))
        _clean_up(target, state)
    return Moved(rows, copied)


def _claim(target: Workspace, state: _State) -> None:
    """Mark both places as filled by this move, or neither."""
    if state.objects is not None:
        move_objects.claim(target.objects, state.token)
    if state.database is None:
        return
    try:
        with _databases(target) as targets:
            move_tables.claim(targets, state.token)
    except WorkspaceError:
        if state.objects is not None and not state.copied:
            move_objects.release(target.objects)
        raise


def _is_switched(workspace: Workspace, state: _State) -> bool:
    settings = workspace.settings
    return state.database in (None, settings.database) and state.objects in (None, settings.objects)


def _clean_up(moved: Workspace, state: _State) -> None:
    """Delete the marks of a move whose target is in use."""
    if state.database is not None:
        with _databases(moved) as targets:
            move_tables.release(targets)
    if state.objects is not None:
        move_objects.release(moved.objects)
    (moved.root / STATE).unlink()


def _begun(workspace: Workspace, database: str | None, objects: str | None) -> _State:
    """The state of the move to there that was begun, or a new one."""
    state = _read(workspace.root)
    if state is None:
        state = _State(secrets.token_hex(16), database, objects)
        _write(workspace.root, state)
    if (state.database, state.objects) != (database, objects):
        raise WorkspaceError(
            "a move to other places was begun here: complete it with the same options, or delete "
            f"{workspace.root / STATE} and what was copied, to give it up"
        )
    return state


def _read(root: Path) -> _State | None:
    """The move that was begun; None where none was."""
    path = root / STATE
    try:
        return _State(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error}): delete it and empty the target, to begin anew"
        ) from error


def _write(root: Path, state: _State) -> None:
    write_file(root / STATE, json.dumps(asdict(state)).encode())


def _move_tables(
    workspace: Workspace, target: Workspace, state: _State, progress: Progress, unchanging: ExitStack
) -> dict[str, int]:
    """Copy and compare all tables; until `unchanging` is closed nobody can write those of the source."""
    sources, targets = (unchanging.enter_context(_databases(each)) for each in (workspace, target))
    for is_last in (False, True):
        for (here, metadata), (there, _) in zip(sources, targets, strict=True):
            _copy(workspace.root, here, there, metadata, state, progress)
        differing, rows = _compared(sources, targets, unchanging)
        if not differing:
            for target_database, metadata in targets:
                move_tables.set_sequences(target_database, metadata)
            return rows
        unchanging.pop_all().close()
        sources, targets = (unchanging.enter_context(_databases(each)) for each in (workspace, target))
        if not is_last:
            # Rows that an earlier run copied have changed since.
            move_tables.empty(targets, state.token)
            state.copied.clear()
            _write(workspace.root, state)
    raise WorkspaceError(
        f"{', '.join(differing)}: not in {targets[0][0].name} as in {sources[0][0].name}, although copied twice: stop "
        "the servers and whatever else writes there, and run this again"
    )


def _copy(
    root: Path, source: Database, target: Database, metadata: sa.MetaData, state: _State, progress: Progress
) -> None:
    for table in metadata.sorted_tables:
        with progress.step(f"table {table.name}", move_tables.count(source, table)) as tick:

            def done(last: list[Any], rows: int, name: str = table.name, tick: Tick = tick) -> None:
                state.copied[name] = last
                _write(root, state)
                tick(rows)

            move_tables.copy_table(source, target, table, state.copied.get(table.name), done)


def _compared(sources: Databases, targets: Databases, unchanging: ExitStack) -> tuple[list[str], dict[str, int]]:
    """The tables that differ, and how many rows each has. The source stays as it is until `unchanging` is closed."""
    differing: list[str] = []
    rows: dict[str, int] = {}
    for (here, metadata), (there, _) in zip(sources, targets, strict=True):
        expected = move_tables.sums(unchanging.enter_context(move_tables.unchanging(here, metadata)), metadata)
        with there.connect() as connection:
            found = move_tables.sums(connection, metadata)
        differing += [name for name, each in expected.items() if found[name] != each]
        rows |= {name: each.rows for name, each in expected.items()}
    return differing, rows


@contextmanager
def _databases(workspace: Workspace) -> Iterator[Databases]:
    """The records' and the service's database, each with its tables."""
    with (
        closing(Database.open(workspace.database_url, CATALOGUE)) as records,
        closing(Database.open(service_database_url(workspace), HISTORY)) as service,
    ):
        yield (records, catalogue_tables), (service, service_tables)


def _point(workspace: Workspace, target: Workspace) -> None:
    """The pointer to the live generation, where the target has it."""
    live = workspace.coordination.live()
    if not target.settings.database.startswith("postgresql"):
        if live is None:
            target.current.unlink(missing_ok=True)
        else:
            FolderCoordination(target.root).point(live)
    elif live is not None:
        from index.coordination.database import write_pointer

        with _databases(target) as ((records, _), _), records.begin() as connection:
            write_pointer(connection, live)
