"""Objects as files of a folder: a key is a path in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from index.errors import WorkspaceError
from index.stores.durable import sync_file, sync_folder, write_file
from index.stores.objects.protocol import ObjectChanged, ObjectInfo, ObjectMissing, ObjectRange, checked_key


class FolderObjects:
    """The default: the folder of a workspace, or with `appendable=False` a folder in a bucket's format (file://)."""

    def __init__(self, root: Path, *, appendable: bool = True) -> None:
        self._root, self._appendable = root, appendable
        self._text = str(root)

    @property
    def name(self) -> str:
        return str(self._root)

    @property
    def appendable(self) -> Path | None:
        return self._root if self._appendable else None

    def path(self, key: str) -> Path:
        """The file of an object, whether or not it exists."""
        return self._root / checked_key(key)

    def get(self, key: str) -> bytes:
        with self._translated(key):
            return self.path(key).read_bytes()

    def get_ranges(self, ranges: Sequence[ObjectRange]) -> list[bytes]:
        files: dict[str, int] = {}
        found: list[bytes] = []
        try:
            for key, start, end in ranges:
                with self._translated(key):
                    if key not in files:
                        files[key] = os.open(self.path(key), os.O_RDONLY)
                    found.append(os.pread(files[key], end - start, start))
                if len(found[-1]) != end - start:
                    raise WorkspaceError(f"{self.path(key)} is damaged: it ends before byte {end}; check that disk")
        finally:
            for handle in files.values():
                os.close(handle)
        return found

    def get_version(self, key: str) -> tuple[bytes, str]:
        with self._translated(key), self.path(key).open("rb") as file:
            return file.read(), _version(os.fstat(file.fileno()))

    def put(self, key: str, data: bytes) -> None:
        path = self.path(key)
        with self._translated(key):
            # The folder is not flushed, which would be slow: what a power cut takes away is made again.
            try:
                write_file(path, data, name_too=False)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_file(path, data, name_too=False)

    def replace(self, key: str, data: bytes, version: str | None) -> str:
        path = self.path(key)
        with self._translated(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # Compared and replaced under a lock of the folder, so that nobody writes in between.
                fcntl.flock(folder, fcntl.LOCK_EX)
                there = _version(path.stat()) if path.exists() else None
                if there != version:
                    raise ObjectChanged(self.name, key)
                write_file(path, data)
                return _version(path.stat())
            finally:
                os.close(folder)

    def exists(self, key: str) -> bool:
        # Asked for every picture every night: a string costs a fraction of a Path.
        return os.path.exists(f"{self._text}/{key}")  # noqa: PTH110

    def list_objects(self, folder: str = "") -> Iterator[ObjectInfo]:
        start = self.path(folder) if folder else self._root
        for place, _, names in os.walk(start):
            for name in names:
                path = Path(place, name)
                try:
                    size = path.stat().st_size
                except FileNotFoundError:
                    continue
                yield ObjectInfo(str(path.relative_to(self._root)), size)

    def delete(self, keys: Iterable[str]) -> None:
        folders: set[Path] = set()
        for key in keys:
            path = self.path(key)
            with self._translated(key):
                try:
                    path.unlink()
                except FileNotFoundError:
                    continue
            folders.add(path.parent)
        # A power cut must not restore them.
        for each in folders:
            sync_folder(each)

    def upload(self, path: Path, key: str) -> None:
        target = self.path(key)
        aside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
        with self._translated(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, aside)
                sync_file(aside)
                aside.replace(target)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise

    def download(self, key: str, path: Path) -> None:
        with self._translated(key):
            shutil.copyfile(self.path(key), path)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ObjectMissing(self.name, key) from None
        except OSError as error:
            raise WorkspaceError(
                f"{self.path(key)} cannot be read or written: {error.strerror}; free some space or repair that disk"
            ) from error


def _version(status: os.stat_result) -> str:
    """Inode, time and size: each write renames a new file over the former one."""
    return f"{status.st_ino} {status.st_mtime_ns} {status.st_size}"
