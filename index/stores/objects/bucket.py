"""Objects in a bucket, by an fsspec URL: s3://, gs://, az://; and memory:// for tests.

Credentials and endpoints are the provider's own affair: environment variables and files that its library reads.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from index.errors import ObjectStoreUnavailable, WorkspaceError
from index.stores.objects.protocol import ObjectChanged, ObjectInfo, ObjectMissing, ObjectRange, checked_key

# The library of each scheme beyond fsspec, its package of errors, and the extra or package to install.
LIBRARIES = {
    "s3": ("s3fs", "botocore.exceptions", "'traceobject[objects]'"),
    "gs": ("gcsfs", "google.auth.exceptions", "gcsfs"),
    "az": ("adlfs", "azure.core.exceptions", "adlfs"),
    "memory": ("fsspec", "", "'traceobject[objects]'"),
}
# So many ranges are read at a time.
PARALLEL = 32
_HELP = "check the setting `objects`, the credentials and their rights (docs/scaling.md)"


class BucketObjects:
    """A bucket and a prefix in it. Nothing is contacted before the first call."""

    def __init__(self, scheme: str, root: str) -> None:
        """`root`: the bucket's name, and a prefix after a slash.

        Raises:
            WorkspaceError: the scheme's library is not installed.
        """
        self._scheme, self._root = scheme, root
        module, errors, package = LIBRARIES[scheme]
        try:
            importlib.import_module(module)
            self._errors: tuple[type[Exception], ...] = (OSError, *_error_classes(errors))
        except ImportError as error:
            raise WorkspaceError(
                f"{self.name} needs {module}, which is not installed: pip install {package}"
            ) from error
        self._replacing = threading.Lock()

    def __reduce__(self) -> tuple[type[BucketObjects], tuple[str, str]]:
        return type(self), (self._scheme, self._root)

    @property
    def name(self) -> str:
        return f"{self._scheme}://{self._root}"

    @property
    def appendable(self) -> Path | None:
        return None

    def get(self, key: str) -> bytes:
        with self._translated(key):
            content: bytes = self._files.cat_file(self._path(key))
            return content

    def get_ranges(self, ranges: Sequence[ObjectRange]) -> list[bytes]:
        if not ranges:
            return []
        paths = [self._path(each.key) for each in ranges]
        starts, ends = [each.start for each in ranges], [each.end for each in ranges]
        with self._translated(ranges[0].key):
            found = self._files.cat_ranges(paths, starts, ends, on_error="return", batch_size=PARALLEL)
        for (key, start, end), content in zip(ranges, found, strict=True):
            with self._translated(key):
                if isinstance(content, Exception):
                    raise content
            if len(content) != end - start:
                raise WorkspaceError(f"{self.name}: {key} is damaged: it ends before byte {end}")
        return list(found)

    def get_version(self, key: str) -> tuple[bytes, str]:
        content = self.get(key)
        return content, _digest(content)

    def put(self, key: str, data: bytes) -> None:
        with self._translated(key):
            self._files.pipe_file(self._path(key), data)

    def replace(self, key: str, data: bytes, version: str | None) -> str:
        # These libraries have no condition in common: compared first. The workspace's lock keeps other machines away.
        with self._replacing:
            try:
                there = self.get_version(key)[1]
            except ObjectMissing:
                there = None
            if there != version:
                raise ObjectChanged(self.name, key)
            self.put(key, data)
            return _digest(data)

    def exists(self, key: str) -> bool:
        try:
            with self._translated(key):
                return bool(self._files.info(self._path(key))["type"] == "file")
        except ObjectMissing:
            return False

    def list_objects(self, folder: str = "") -> Iterator[ObjectInfo]:
        start = self._path(folder) if folder else self._root
        with self._translated(folder):
            found = self._files.find(start, detail=True)
        for path, about in found.items():
            # A folder's marker, as consoles make it, is no object of ours.
            if about["type"] == "file" and not path.endswith("/"):
                yield ObjectInfo(path.strip("/").removeprefix(f"{self._root}/"), int(about["size"]))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            with self._translated(key):
                try:
                    self._files.rm_file(self._path(key))
                except FileNotFoundError:
                    continue

    def upload(self, path: Path, key: str) -> None:
        with self._translated(key):
            self._files.put_file(str(path), self._path(key))

    def download(self, key: str, path: Path) -> None:
        with self._translated(key):
            self._files.get_file(self._path(key), str(path))

    @cached_property
    def _files(self) -> Any:
        """The file system of fsspec."""
        # Listings are not cached: another process may have written since.
        return self._open(use_listings_cache=False, skip_instance_cache=True)

    def _open(self, **options: Any) -> Any:
        import fsspec

        return fsspec.filesystem(self._scheme, **options)

    def _path(self, key: str) -> str:
        return f"{self._root}/{checked_key(key)}"

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Translate the errors of fsspec and its libraries."""
        try:
            yield
        except FileNotFoundError as error:
            self._check_bucket(error)
            raise ObjectMissing(self.name, key) from error
        except PermissionError as error:
            raise WorkspaceError(f"{self.name} refuses {key}: {error}; {_HELP}") from error
        except (TimeoutError, ConnectionError) as error:
            raise self._unavailable(error) from error
        except self._errors as error:
            if self._is_unavailable(error):
                raise self._unavailable(error) from error
            raise WorkspaceError(f"{self.name}: {key} cannot be read or written: {_shown(error)}; {_HELP}") from error

    def _check_bucket(self, error: Exception) -> None:
        """Raise WorkspaceError if it is the bucket that is missing."""

    def _is_unavailable(self, _: BaseException) -> bool:
        """Whether an error means that the server cannot answer now, though it might later."""
        return False

    def _unavailable(self, error: BaseException) -> ObjectStoreUnavailable:
        return ObjectStoreUnavailable(f"{self.name} does not answer: {_shown(error)}; start it, or try again later")


def _error_classes(module: str) -> tuple[type[Exception], ...]:
    """The base classes of a library's errors, which are no OSError."""
    if not module:
        return ()
    found = importlib.import_module(module)
    names = ("BotoCoreError", "ClientError", "GoogleAuthError", "AzureError")
    return tuple(getattr(found, name) for name in names if hasattr(found, name))


def _shown(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
