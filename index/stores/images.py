"""Normalised copies of pictures, named by the SHA-256 of their original bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedding.image.decode import decode
from index.errors import UnknownEntry
from index.stores.objects.protocol import ObjectMissing, ObjectStore

FOLDER = "images"
_SHA256 = re.compile(r"[0-9a-f]{64}")
# More images than this are listed in parallel.
_LISTED_AT_ONCE = 20_000


@dataclass(frozen=True)
class ImageStore:
    """JPEG copies without metadata: images/ab/cd/<sha256>.jpg."""

    objects: ObjectStore

    def key(self, sha256: str) -> str:
        """The key of a copy, whether or not it exists.

        Raises:
            UnknownEntry: that is not the name of an image.
        """
        if not _SHA256.fullmatch(sha256):
            raise UnknownEntry(f"{sha256!r} is not the SHA-256 of an image: 64 hexadecimal digits are needed")
        return _key(sha256)

    def __contains__(self, sha256: str) -> bool:
        return bool(_SHA256.fullmatch(sha256)) and self.objects.exists(_key(sha256))

    def add(self, sha256: str, jpeg: bytes) -> None:
        """Store a copy. After a power cut it is there completely or not at all, and is then made again.

        Raises:
            WorkspaceError: it cannot be written.
        """
        self.objects.put(self.key(sha256), jpeg)

    def note_added(self, sha256: str) -> None:
        """Another process has stored a copy, as `add` does."""

    def discard(self, images: Iterable[str]) -> None:
        """Delete copies, of those that there are."""
        self.objects.delete(map(self.key, images))

    def read(self, sha256: str) -> bytes:
        """The copy's JPEG bytes.

        Raises:
            UnknownEntry: there is no such image.
        """
        try:
            return self.objects.get(self.key(sha256))
        except ObjectMissing:
            raise UnknownEntry(f"no image {sha256} is stored here") from None

    def pixels(self, sha256: str) -> npt.NDArray[np.uint8]:
        """The copy as upright RGB, uint8 [h, w, 3]."""
        return decode(self.read(sha256))


@dataclass(frozen=True)
class ListedImages(ImageStore):
    """The same for a job that asks for every picture: what is there was listed once, instead of asking each time.

    Nobody else may write meanwhile (the workspace's lock). `listed`: the images of the listing, as S32, rising;
    `since`: whether those that were added or discarded since are there.
    """

    listed: npt.NDArray[np.bytes_]
    since: dict[str, bool] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[ImageStore], tuple[ObjectStore]]:
        """To another process goes the store without its listing."""
        return ImageStore, (self.objects,)

    def __contains__(self, sha256: str) -> bool:
        if not _SHA256.fullmatch(sha256):
            return False
        if sha256 in self.since:
            return self.since[sha256]
        # As NumPy gives them back: without zeros at their end.
        name = bytes.fromhex(sha256).rstrip(b"\0")
        place = int(np.searchsorted(self.listed, name))
        return place < len(self.listed) and bool(self.listed[place] == name)

    def add(self, sha256: str, jpeg: bytes) -> None:
        super().add(sha256, jpeg)
        self.note_added(sha256)

    def note_added(self, sha256: str) -> None:
        self.since[sha256] = True

    def discard(self, images: Iterable[str]) -> None:
        discarded = list(images)
        super().discard(discarded)
        self.since.update(dict.fromkeys(discarded, False))


def images_for_job(objects: ObjectStore, expected: int) -> ImageStore:
    """The images for a job that asks for each of about `expected` ones; a folder is asked as it is."""
    if objects.appendable is not None:
        return ImageStore(objects)
    # A server lists a thousand at a time: many are listed in parallel, by the first digits of their names.
    folders = [FOLDER] if expected < _LISTED_AT_ONCE else [f"{FOLDER}/{digits:02x}" for digits in range(256)]
    names = bytearray()
    with ThreadPoolExecutor(16, thread_name_prefix="listing") as pool:
        for listed in pool.map(lambda folder: _names(objects, folder), folders):
            names += listed
    return ListedImages(objects, np.sort(np.frombuffer(bytes(names), "S32")))


def _key(sha256: str) -> str:
    return f"{FOLDER}/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"


def _names(objects: ObjectStore, folder: str) -> bytes:
    keys = (key.rpartition("/")[2].removesuffix(".jpg") for key, _ in objects.list_objects(folder))
    return b"".join(bytes.fromhex(name) for name in keys if _SHA256.fullmatch(name))
