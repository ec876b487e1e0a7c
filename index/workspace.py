"""A workspace: one folder with settings, records, pictures, vectors and generations."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from index.coordination.folder import POINTER, FolderCoordination
from index.coordination.protocol import Coordination
from index.errors import WorkspaceError
from index.stores.durable import write_file
from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects
from index.stores.objects.protocol import ObjectStore

if TYPE_CHECKING:
    from index.settings import Settings

SETTINGS = "traceobject.toml"


@dataclass(frozen=True)
class Workspace:
    """The paths and settings of a workspace. `open` opens an existing one, only `create` makes one."""

    root: Path
    settings: Settings

    @classmethod
    def create(cls, root: Path, model: str = "auto", *, self_test_products: int | None = None) -> Workspace:
        """Make a new workspace in `root`, which may exist but must not be one. The rest are settings.

        Raises:
            WorkspaceError: there is a workspace already, or the folder cannot be written.
        """
        if (root / SETTINGS).exists():
            raise WorkspaceError(f"{root} is a workspace already; use it, or choose another folder with --workspace")
        # Imported here, because Pydantic is slow to import and `serve --help` needs no settings.
        from index.settings import Settings

        settings = Settings(model=model)
        if self_test_products is not None:
            settings = replace(settings, self_test_products=self_test_products)
        workspace = cls(root.absolute(), settings)
        try:
            workspace.generations.mkdir(parents=True, exist_ok=True)
            workspace._write_settings()
        except OSError as error:
            raise WorkspaceError(f"cannot make a workspace in {root}: {error.strerror or error}") from error
        return workspace

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Open the workspace in `root`.

        Raises:
            WorkspaceError: there is none, or its settings cannot be read.
        """
        from index.settings import read_settings

        try:
            return cls(root.absolute(), read_settings(root / SETTINGS))
        except FileNotFoundError:
            raise WorkspaceError(
                f"no workspace in {root}: run `traceobject --workspace {root} init` first, or name another folder"
            ) from None

    @property
    def objects(self) -> ObjectStore:
        """Pictures, vectors, local features and text: in the workspace's folder, or where the setting `objects` says.

        Raises:
            WorkspaceError: the setting is no such place, or the library that it needs is not installed.
        """
        return open_objects(self.settings.objects) if self.settings.objects else FolderObjects(self.root)

    @property
    def generations(self) -> Path:
        return self.root / "generations"

    @property
    def published(self) -> Path:
        """What curators publish here: see index/sources/published.py."""
        return self.root / "published"

    @property
    def backups(self) -> Path:
        """Copies of the databases from before an upgrade: see index/records/upgrade.py."""
        return self.root / "backups"

    @property
    def aliases(self) -> Path:
        """Other spellings of brands and retailers, edited by curators: see index/records/names.py."""
        return self.root / "aliases.toml"

    @property
    def current(self) -> Path:
        return self.root / POINTER

    @property
    def database_url(self) -> str:
        return self.settings.database or f"sqlite:///{self.root / 'catalogue.sqlite'}"

    @property
    def index_memory(self) -> int:
        """The bytes of memory that the index may take."""
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return self.settings.index_memory_mb * 1_000_000 or machine // 2

    def pin_model(self, name: str, sha256: str, why: str) -> Workspace:
        """Write to the settings which model this workspace uses from now on."""
        pinned = replace(self, settings=replace(self.settings, model=name, model_sha256=sha256, model_why=why))
        pinned._write_settings()
        return pinned

    @property
    def coordination(self) -> Coordination:
        """What all processes that use this workspace agree on, in its folder or in PostgreSQL."""
        return _coordination(self.settings.database, self.root)

    def lock(self, job: str) -> AbstractContextManager[None]:
        """Lock the workspace for one writing job; the lock is released when the process ends, however it ends.

        Raises:
            WorkspaceBusy: another job has locked it.
        """
        return self.coordination.lock(job)

    def _write_settings(self) -> None:
        from index.settings import as_toml

        write_file(self.root / SETTINGS, as_toml(self.settings))


@cache
def _coordination(database: str, root: Path) -> Coordination:
    """One for each workspace and process, because it keeps connections."""
    if not database.startswith("postgresql"):
        return FolderCoordination(root)
    # Nothing of PostgreSQL is imported without it.
    from index.coordination.database import DatabaseCoordination

    return DatabaseCoordination(database, root)
