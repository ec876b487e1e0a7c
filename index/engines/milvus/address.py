"""The setting `engine`, "milvus://host:port", and the secret that goes with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from index.errors import WorkspaceError

TOKEN, TOKEN_FILE = "TRACEOBJECT_ENGINE_TOKEN", "TRACEOBJECT_ENGINE_TOKEN_FILE"
_PORT = 19530


@dataclass(frozen=True)
class Address:
    """Where a server is; `database` is one of its databases, "" the default one."""

    host: str
    port: int
    database: str = ""
    encrypted: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read "milvus://host:port", "milvus+tls://host:port" or either with "/database".

        Raises:
            WorkspaceError: it is something else, or names a password, which every backup of the settings would have.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORT
        except ValueError as error:
            raise WorkspaceError(f"engine = {url!r}: {error}") from error
        if parts.username is not None or parts.password is not None:
            raise WorkspaceError(f"engine names a password: take it out, and set {TOKEN} or {TOKEN_FILE}")
        if parts.scheme not in ("milvus", "milvus+tls") or not host or parts.query or parts.fragment:
            raise WorkspaceError(f"engine = {url!r}: needs milvus://host:port, or milvus+tls://host:port")
        return cls(host, port, parts.path.strip("/"), parts.scheme == "milvus+tls")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" + (f"/{self.database}" if self.database else "")

    @property
    def uri(self) -> str:
        """The address as pymilvus takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.encrypted else ''}://{host}:{self.port}"


def token() -> str:
    """ "user:password" or an API key, of the environment or of the file that it names; "" where there is none.

    Raises:
        WorkspaceError: the file cannot be read.
    """
    if file := os.environ.get(TOKEN_FILE):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise WorkspaceError(f"{TOKEN_FILE} names {file}, which cannot be read: {error.strerror}") from error
    return os.environ.get(TOKEN, "")
