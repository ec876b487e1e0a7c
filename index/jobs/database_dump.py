"""The tables of a PostgreSQL database as a file that pg_restore reads, with a manifest that describes it.

pg_dump reads from one snapshot (https://www.postgresql.org/docs/current/app-pgdump.html), so the file is of one moment
however much is written meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.errors import WorkspaceError
from index.records.database import WAIT_MS, engine_of, name_of, translated_errors
from index.stores.checksums import checksum
from index.stores.durable import sync_file, write_file

DUMP, MANIFEST = "database.dump", "database.json"
_TABLES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
WHERE schemaname = current_schema() ORDER BY tablename
"""
_INSTALL = "install the client programs of PostgreSQL {} or newer (Debian: apt-get install postgresql-client)"


@dataclass(frozen=True)
class DatabaseDump:
    """What a dump is of. `size` in bytes; `server` and `program`: the versions of PostgreSQL and of pg_dump."""

    file: str
    sha256: str
    size: int
    made: str
    server: str
    program: str
    tables: tuple[str, ...]


def dump_database(url: str, folder: Path) -> DatabaseDump:
    """Write DUMP and MANIFEST into a folder; each replaces the former one when it is complete.

    Raises:
        WorkspaceError: pg_dump is missing, older than the server, or fails; or the database cannot be read.
    """
    engine = engine_of(url)
    try:
        with translated_errors(engine), engine.connect() as connection:
            server = connection.exec_driver_sql("SHOW server_version").scalar_one()
            major = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
            tables = _tables(connection)
        program, version = _pg_dump(major)
        aside = folder / f".{DUMP}.part"
        _run(program, engine, tables, aside)
    finally:
        engine.dispose()
    sync_file(aside)
    content = checksum(aside)
    aside.replace(folder / DUMP)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    dump = DatabaseDump(DUMP, content.sha256, content.bytes, made, server, version, tables)
    write_file(folder / MANIFEST, json.dumps(asdict(dump), indent=2).encode())
    return dump


def _tables(connection: Connection) -> tuple[str, ...]:
    return tuple(connection.exec_driver_sql(_TABLES).scalars())


def _pg_dump(server: int) -> tuple[str, str]:
    """The program and its version; `server` is the server's major version."""
    program = shutil.which("pg_dump")
    if program is None:
        raise WorkspaceError(f"pg_dump, which copies the database, is not on the path: {_INSTALL.format(server)}")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    found = re.search(r"(\d+)", version)
    if found is None or int(found[1]) < server:
        raise WorkspaceError(
            f"{program} is {version or 'of no known version'}, and the database server is PostgreSQL {server}, which "
            f"an older pg_dump cannot copy: {_INSTALL.format(server)}"
        )
    return program, version


def _run(program: str, engine: sa.Engine, tables: tuple[str, ...], target: Path) -> None:
    # What libpq understands of an SQLAlchemy URL; the driver's own objects are not among it.
    options = {**engine.url.translate_connect_args(username="user", database="dbname"), **engine.url.query}
    password = options.pop("password", None)
    command = [
        program, "--format=custom", "--no-owner", "--no-privileges", "--no-password",
        f"--lock-wait-timeout={WAIT_MS}", f"--file={target}", *(f"--table={table}" for table in tables),
        f"--dbname={_conninfo(options)}",
    ]  # fmt: skip
    # The password is not an argument, which every user of the machine could read.
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        target.unlink(missing_ok=True)
        raise WorkspaceError(
            f"pg_dump cannot copy {name_of(engine)}: {done.stderr.strip()[-500:]}; mend that, then run again"
        )


def _conninfo(options: dict[str, Any]) -> str:
    """Keywords and values in libpq's own form, quoted."""
    texts = {name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in options.items()}
    quoted = {name: re.sub(r"(['\\])", r"\\\1", text) for name, text in texts.items()}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())
