"""The history of a set of tables: its revisions, and which one a database is at.

Every command and server start reads it, so it takes one query and does not import Alembic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.records.schema import metadata

_FILE = re.compile(r"v(\d{4})_\w+\.py")


@dataclass(frozen=True)
class History:
    """A set of tables and the revisions that led to it.

    `tables`: their current definition. `folders`: those with the revisions, a file each, numbered without a gap:
    `v0001_baseline.py`, `v0002_what_it_changes.py`. Two histories may share one database: each has a version table.
    """

    name: str
    tables: sa.MetaData
    folders: tuple[Path, ...]

    @property
    def version_table(self) -> str:
        """The table in which a database stores its revision."""
        return f"alembic_version_{self.name}"

    @cached_property
    def revisions(self) -> tuple[str, ...]:
        """Every revision that this program knows, oldest first: "0001", "0002", ..."""
        files = (path.name for folder in self.folders for path in folder.iterdir())
        return tuple(sorted(found[1] for name in files if (found := _FILE.fullmatch(name))))

    @property
    def head(self) -> str:
        """The revision that this program works with."""
        return self.revisions[-1]

    def revision_of(self, connection: Connection) -> str | None:
        """The revision that a database is at; None where it has none: it is empty, or older than the first revision."""
        if not sa.inspect(connection).has_table(self.version_table):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {self.version_table}")).scalar()

    def is_empty(self, connection: Connection) -> bool:
        """Whether a database has none of these tables yet."""
        return not set(sa.inspect(connection).get_table_names()) & set(self.tables.tables)

    def create(self, connection: Connection) -> None:
        """Make the current tables in an empty database, and store the revision as Alembic does."""
        self.tables.create_all(connection)
        number = sa.Column("version_num", sa.String(32), nullable=False)
        key = sa.PrimaryKeyConstraint(number, name=f"{self.version_table}_pkc")
        version = sa.Table(self.version_table, sa.MetaData(), number, key)
        version.create(connection, checkfirst=True)
        connection.execute(sa.insert(version).values(version_num=self.head))


CATALOGUE = History("catalogue", metadata, (Path(__file__).parent / "catalogue",))
