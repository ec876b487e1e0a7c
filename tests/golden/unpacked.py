"""Golden workspaces, unpacked: put where a test may do with them what it likes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.workspace import Workspace

ARCHIVES = sorted((Path(__file__).parent / "workspaces").glob("*.tar.xz"))
# Where the records tell of files outside the workspace, or of the workspace's own by their whole path.
_PATHS = (
    ("sources", "location"),
    ("pictures", "reference"),
    ("origins", "reference"),
    ("origins", "message"),
    ("refusals", "place"),
    ("refusals", "message"),
)


@dataclass(frozen=True)
class Golden:
    """An unpacked archive: its folder, and what make_workspace.py says of it."""

    root: Path
    expected: dict[str, Any]

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.root / "workspace")

    @property
    def sent(self) -> bytes:
        """The picture of the recorded searches."""
        return (self.root / "sent.jpg").read_bytes()

    def copy(self, folder: Path) -> Golden:
        """The same in another folder."""
        shutil.copytree(self.root, folder)
        return _moved(folder, self.root, self.expected)


def unpack(archive: Path, folder: Path) -> Golden:
    """Unpack an archive into a new folder."""
    folder.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    expected = json.loads((folder / "expected.json").read_bytes())
    return _moved(folder, Path(expected["made_in"]), expected)


def _moved(folder: Path, before: Path, expected: dict[str, Any]) -> Golden:
    """Let the records find their files where they lie now: whoever moves a workspace adds its sources anew."""
    with closing(sqlite3.connect(folder / "workspace" / "catalogue.sqlite")) as connection, connection:
        for table, column in _PATHS:
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(before), str(folder)))
    return Golden(folder, expected)
