"""The databases that tests run over: SQLite in each workspace, or PostgreSQL, with a new database for each workspace.

A test or module marked `@pytest.mark.databases("sqlite", "postgres")` runs over both; any other over SQLite alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from index.settings import as_toml
from index.workspace import SETTINGS, Workspace
from tests.postgres import Server, copy_database


class Databases(Protocol):
    """Gives databases to tests."""

    name: str

    def url(self, file: Path) -> str:
        """The URL of a new, empty database; for SQLite the file named."""


class Sqlite:
    """A file in the workspace, as every workspace has unless it is set otherwise."""

    name = "sqlite"

    def url(self, file: Path) -> str:
        return f"sqlite:///{file}"


class Postgres:
    """A database of its own on one server. Workspaces made by `Workspace.create` meanwhile have theirs there."""

    name = "postgres"

    def __init__(self, server: Server) -> None:
        self.server = server

    def url(self, file: Path) -> str:
        return self.server.database()

    @contextmanager
    def used(self) -> Iterator[None]:
        create = Workspace.create

        def create_here(root: Path, model: str = "auto", *, self_test_products: int | None = None) -> Workspace:
            made = create(root, model, self_test_products=self_test_products)
            return moved_to(made, self.server.database())

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Workspace, "create", create_here)
            yield


def copied(workspace: Workspace, folder: Path) -> Workspace:
    """A copy of a workspace with its database, in a folder that does not exist yet."""
    shutil.copytree(workspace.root, folder)
    copy = Workspace.open(folder)
    return moved_to(copy, copy_database(copy.settings.database)) if copy.settings.database else copy


def moved_to(workspace: Workspace, url: str) -> Workspace:
    """The workspace with its setting `database`, which is written, too."""
    settings = replace(workspace.settings, database=url)
    (workspace.root / SETTINGS).write_bytes(as_toml(settings))
    return Workspace(workspace.root, settings)


@contextmanager
def chosen(name: str | None, server: Callable[[], Server]) -> Iterator[Databases]:
    """The databases of a name; None means SQLite."""
    if name != "postgres":
        yield Sqlite()
        return
    postgres = Postgres(server())
    with postgres.used():
        yield postgres


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a test over each of the databases that its closest mark names."""
    mark = metafunc.definition.get_closest_marker("databases")
    if mark is None or "databases" not in metafunc.fixturenames:
        return
    slow = [pytest.mark.slow] if mark.kwargs.get("slow") else []
    # SQLite is None, as in tests without the mark, so that what a session shares is not made again.
    known = {"sqlite": pytest.param(None, id="sqlite"), "postgres": pytest.param("postgres", id="postgres", marks=slow)}
    metafunc.parametrize("databases", [known[name] for name in mark.args], indirect=True, scope="session")
