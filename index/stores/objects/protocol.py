"""The seam: bytes by key, for whatever a workspace keeps by content.

A key is a relative path of plain names with slashes, as `images/ab/cd/<sha256>.jpg`. Objects are immutable, but for the
few that `replace` writes. What was written is seen by every later call of any process (S3, Google's and Azure's stores
promise that, as a folder does).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from index.errors import WorkspaceError

_KEY = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[^/\x00-\x1f\\]+(?:/[^/\x00-\x1f\\]+)*")


class ObjectRange(NamedTuple):
    """The bytes `start` to `end`, exclusive, of an object."""

    key: str
    start: int
    end: int


class ObjectInfo(NamedTuple):
    """An object's key and its size in bytes."""

    key: str
    size: int


class ObjectStore(Protocol):
    """Every method may be called from any thread and process.

    Every method raises ObjectStoreUnavailable where a server does not answer, after tries and waits that are bounded,
    and WorkspaceError where it refuses or its answer is of no use; ValueError for what is no key.
    """

    @property
    def name(self) -> str:
        """What errors call it: its URL or folder."""

    @property
    def appendable(self) -> Path | None:
        """The folder of the objects where files may be appended to and mapped into memory; None where they may not."""

    def get(self, key: str) -> bytes:
        """The content of an object.

        Raises:
            ObjectMissing: there is none.
        """

    def get_ranges(self, ranges: Sequence[ObjectRange]) -> list[bytes]:
        """The content of parts of objects, in order; read in parallel where each read waits for a server.

        Raises:
            ObjectMissing: an object is not there.
            WorkspaceError: one is shorter than that.
        """

    def get_version(self, key: str) -> tuple[bytes, str]:
        """The content of an object, and a name of this version of it, for `replace`.

        Raises:
            ObjectMissing: there is none.
        """

    def put(self, key: str, data: bytes) -> None:
        """Store an object. A reader sees all of it or nothing, whenever this is interrupted."""

    def replace(self, key: str, data: bytes, version: str | None) -> str:
        """Replace an object unless another process did since; returns the new version's name.

        Args:
            version: what `get_version` or `replace` said of the object to replace; None if there must not be one.

        Raises:
            ObjectChanged: it is of another version by now.
        """

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def list_objects(self, folder: str = "") -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `folder` and a slash, or all, in any order."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, with all former versions that a bucket keeps of them; those that are missing are skipped."""

    def upload(self, path: Path, key: str) -> None:
        """Store a file, of any size, as an object; as `put`."""

    def download(self, key: str, path: Path) -> None:
        """Write an object, of any size, to a file that does not exist. After an error it may have a part of it.

        Raises:
            ObjectMissing: there is none.
        """


class ObjectMissing(WorkspaceError):
    """There is no object of that key."""

    def __init__(self, store: str, key: str) -> None:
        super().__init__(f"{store} has no object {key}")
        self.key = key


class ObjectChanged(WorkspaceError):
    """An object was to be replaced, and is not of the version that it was taken for."""

    def __init__(self, store: str, key: str) -> None:
        super().__init__(
            f"{store}: {key} was changed by another process meanwhile: see that no other job writes there, and run "
            "this again"
        )


def checked_key(key: str) -> str:
    """The key, if it is one.

    Raises:
        ValueError: it is not.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of an object: names with slashes between them are needed")
    return key
