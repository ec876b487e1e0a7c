"""The segments on a server that the generations of a workspace have. Nothing of Milvus is imported without it."""

from __future__ import annotations

import json
import re
import secrets
from contextlib import suppress
from pathlib import Path

from index.errors import EngineUnavailable, WorkspaceError
from index.records.feed_records import Collection
from index.stores.durable import write_file
from index.workspace import Workspace

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
    path = workspace.engine_name
    if not path.exists():
        write_file(path, f"traceobject_{secrets.token_hex(6)}\n".encode())
    name = path.read_text(encoding="utf-8").strip()
    if not _NAME.fullmatch(name):
        raise WorkspaceError(f"{path} was changed: delete it, and run `traceobject reindex --full`")
    return name


def drop_unused(workspace: Workspace) -> None:
    """Drop the segments that no generation on disk has. For jobs that have the workspace's lock.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    if _is_used(workspace):
        from index.engines.milvus.connection import connection_to
        from index.engines.milvus.housekeeping import drop_others

        folders = [path for path in workspace.generations.iterdir() if path.is_dir()]
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

        used = set() if live is None else _names(workspace.generations / str(live))
        release_others(connection_to(workspace.settings.engine), prefix(workspace), used)


def _is_used(workspace: Workspace) -> bool:
    return bool(workspace.settings.engine) and workspace.engine_name.exists()


def _names(folder: Path) -> set[str]:
    """The segments of one generation."""
    return {
        segment["name"] for path in folder.glob(f"*{_SUFFIX}") for segment in json.loads(path.read_bytes())["segments"]
    }
