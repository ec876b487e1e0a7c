"""The segments on a server that the generations of a workspace have. Nothing of Milvus is imported without it."""

from __future__ import annotations

import json
import re
import secrets
from contextlib import suppress
from pathlib import Path

from index.errors import EngineUnavailable, WorkspaceError
from index.generations.stored import StoredGenerations
from index.records.feed_records import COLLECTIONS, Collection
from index.stores.objects.protocol import ObjectChanged
from index.workspace import Workspace

# The object, in a folder the file, that has what the names of segments begin with.
ENGINE_NAME = "engine.name"
_SUFFIX = ".segments.json"
_NAME = re.compile(r"traceobject_[0-9a-f]{12}")


def segments_file(collection: Collection) -> str:
    """The name of the file that says which segments a collection has."""
    return f"{collection}{_SUFFIX}"


def prefix(workspace: Workspace) -> str:
    """What the names of this workspace's segments begin with, so that several workspaces may use one server.

    Raises:
        WorkspaceError: the file that has it was changed.
    """
    objects = workspace.objects
    if not objects.exists(ENGINE_NAME):
        # Another machine may write one first, which then counts.
        with suppress(ObjectChanged):
            objects.replace(ENGINE_NAME, f"traceobject_{secrets.token_hex(6)}\n".encode(), None)
    name = objects.get(ENGINE_NAME).decode(errors="replace").strip()
    if not _NAME.fullmatch(name):
        raise WorkspaceError(
            f"{objects.name}: {ENGINE_NAME} was changed: delete it, and run `traceobject reindex --full`"
        )
    return name


def drop_unused(workspace: Workspace) -> None:
    """Drop the segments that no generation on disk has. For jobs that have the workspace's lock.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    if _is_used(workspace):
        from index.engines.milvus.connection import connection_to
        from index.engines.milvus.housekeeping import drop_others

        folders = {path for path in workspace.generations.iterdir() if path.is_dir()}
        if workspace.settings.objects:
            folders |= {_fetched(workspace, number) for number in _stored(workspace).numbers()}
        used = {name for folder in folders for name in _names(folder)}
        drop_others(connection_to(workspace.settings.engine), prefix(workspace), used)


def tidy(workspace: Workspace) -> None:
    """The same, left to the next job where the server does not answer."""
    with suppress(EngineUnavailable):
        drop_unused(workspace)


def release_unused(workspace: Workspace, live: int | None) -> None:
    """Have the server free the memory of what the live generation does not need.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    if _is_used(workspace):
        from index.engines.milvus.connection import connection_to
        from index.engines.milvus.housekeeping import release_others

        used = set() if live is None else _names(_fetched(workspace, live))
        release_others(connection_to(workspace.settings.engine), prefix(workspace), used)


def _is_used(workspace: Workspace) -> bool:
    return bool(workspace.settings.engine) and workspace.objects.exists(ENGINE_NAME)


def _stored(workspace: Workspace) -> StoredGenerations:
    return StoredGenerations(workspace.objects, workspace.generations)


def _fetched(workspace: Workspace, number: int) -> Path:
    """The folder of a generation; from an object store its segment files are fetched."""
    if not workspace.settings.objects:
        return workspace.generations / str(number)
    return _stored(workspace).fetch(number, [segments_file(collection) for collection in COLLECTIONS])


def _names(folder: Path) -> set[str]:
    """The segments of one generation."""
    return {
        segment["name"] for path in folder.glob(f"*{_SUFFIX}") for segment in json.loads(path.read_bytes())["segments"]
    }
