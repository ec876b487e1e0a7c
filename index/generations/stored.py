"""Generations in an object store, and copies of them in this machine's folder, from which they are opened.

In the store: `generations/<n>.json`, the manifest, which makes a generation of the files `generations/files/<sha256>`;
generations that have a file in common share it. In the folder a generation lies as in a workspace without object store.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index.errors import GenerationError
from index.stores.checksums import FileChecksum, checksum, damaged
from index.stores.durable import exchange, link_or_copy, sync_folder, write_file
from index.stores.objects.protocol import ObjectChanged, ObjectMissing, ObjectStore

MANIFEST = "manifest.json"
FOLDER = "generations"
_FILES = f"{FOLDER}/files"
_MANIFEST_KEY = re.compile(rf"{FOLDER}/([0-9]+)\.json")
_FETCHING = "fetching"


@dataclass(frozen=True)
class StoredGenerations:
    """The generations of an object store, with copies in `folder`. The workspace's lock is needed to write."""

    objects: ObjectStore
    folder: Path

    def numbers(self) -> list[int]:
        """The generations in the store, rising."""
        found = (_MANIFEST_KEY.fullmatch(key) for key, _ in self.objects.list_objects(FOLDER))
        return sorted(int(each[1]) for each in found if each is not None)

    def fetch(self, number: int, names: Collection[str] | None = None) -> Path:
        """The folder of a generation, with all of its files as its manifest has them, or at least those named.

        Copies on this machine of generations that were deleted or rebuilt since are deleted.

        Raises:
            GenerationError: there is no such generation, or a file of it is damaged in the store.
        """
        with self._fetching():
            manifests = dict(self._manifests())
            if number not in manifests:
                raise GenerationError(f"{self.objects.name} has no generation {number}")
            self._take(number, manifests[number])
            self._delete_outdated(manifests)
            folder = self.folder / str(number)
            files = _files_of(manifests[number], names)
            for path in damaged(folder, files, trust_verified=True):
                self._download(path, files[path.name])
            return folder

    def store(self, number: int) -> None:
        """Store a generation from its folder.

        Raises:
            ObjectChanged: there is one of that number; another machine published it.
        """
        manifest = self._upload(number)
        self.objects.replace(_manifest_key(number), manifest, None)
        self._delete_unreferenced()

    def replace(self, number: int, former: bytes) -> None:
        """Replace a generation, whose manifest was `former`, by what its folder has now.

        Raises:
            ObjectChanged: another machine replaced it.
        """
        content, version = self.objects.get_version(_manifest_key(number))
        if content != former:
            raise ObjectChanged(self.objects.name, _manifest_key(number))
        self.objects.replace(_manifest_key(number), self._upload(number), version)
        self._delete_unreferenced()

    def copy(self, number: int) -> None:
        """Store a generation from its folder, unless it is there as it is; one that differs is replaced."""
        try:
            there = self.objects.get_version(_manifest_key(number))[0]
        except ObjectMissing:
            self.store(number)
            return
        if there != _read(self.folder / str(number)):
            self.replace(number, there)

    def delete(self, number: int) -> None:
        """Delete a generation from the store, in every version that a bucket keeps."""
        self.objects.delete([_manifest_key(number)])
        self._delete_unreferenced()

    def _manifests(self) -> Iterator[tuple[int, bytes]]:
        for number in self.numbers():
            # Not from memory: it may have been replaced. And it may be deleted at any moment.
            try:
                yield number, self.objects.get_version(_manifest_key(number))[0]
            except ObjectMissing:
                continue

    def _take(self, number: int, manifest: bytes) -> None:
        """Make the folder of a generation, with the files that other copies on this machine have."""
        folder = self.folder / str(number)
        if _read(folder) == manifest:
            return
        here = {
            each.sha256: local / name
            for local in self._copies()
            for name, each in _files_of(_read(local), None).items()
            if (local / name).exists()
        }
        # Not in the folder of generations, where a job deletes what is unfinished.
        aside = self.folder.with_name(_FETCHING) / str(number)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for name, expected in _files_of(manifest, None).items():
            if expected.sha256 in here:
                link_or_copy(here[expected.sha256], aside / name)
        write_file(aside / MANIFEST, manifest)
        if folder.exists():
            exchange(folder, aside)
            shutil.rmtree(aside)
        else:
            aside.rename(folder)
        sync_folder(self.folder)

    def _delete_outdated(self, manifests: Mapping[int, bytes]) -> None:
        for copy in self._copies():
            if _read(copy) != manifests.get(int(copy.name)):
                shutil.rmtree(copy)

    def _copies(self) -> list[Path]:
        return [path for path in self.folder.glob("[0-9]*") if path.name.isdigit()]

    def _download(self, path: Path, expected: FileChecksum) -> None:
        aside = path.with_name(f".{path.name}.part")
        aside.unlink(missing_ok=True)
        try:
            self.objects.download(_file_key(expected), aside)
            if checksum(aside) != expected:
                raise GenerationError(
                    f"{path.name} of generation {path.parent.name} is damaged in {self.objects.name}: roll back or "
                    "re-index"
                )
            aside.replace(path)
        except ObjectMissing as error:
            raise GenerationError(
                f"generation {path.parent.name} is not whole: {error}: roll back or re-index"
            ) from None
        finally:
            aside.unlink(missing_ok=True)

    def _upload(self, number: int) -> bytes:
        """Store the files of a generation's folder that the store lacks; returns its manifest."""
        folder = self.folder / str(number)
        manifest = _read(folder)
        for name, expected in _files_of(manifest, None).items():
            if not self.objects.exists(_file_key(expected)):
                self.objects.upload(folder / name, _file_key(expected))
        return manifest

    def _delete_unreferenced(self) -> None:
        """Delete files that no generation has, those of interrupted publications among them."""
        used = {_file_key(each) for _, manifest in self._manifests() for each in _files_of(manifest, None).values()}
        self.objects.delete([key for key, _ in self.objects.list_objects(_FILES) if key not in used])

    @contextmanager
    def _fetching(self) -> Iterator[None]:
        """One process of this machine at a time: two would fetch the same files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder.with_name(f"{_FETCHING}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _manifest_key(number: int) -> str:
    return f"{FOLDER}/{number}.json"


def _file_key(expected: FileChecksum) -> str:
    return f"{_FILES}/{expected.sha256}"


def _read(folder: Path) -> bytes:
    """The manifest of a generation's folder; empty where there is none."""
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError:
        return b""


def _files_of(manifest: bytes, names: Collection[str] | None) -> dict[str, FileChecksum]:
    """The files of a manifest, or those of them that are named; none of one that cannot be read."""
    try:
        files = json.loads(manifest)["files"]
        return {name: FileChecksum(**each) for name, each in files.items() if names is None or name in names}
    except (ValueError, KeyError, TypeError):
        return {}
