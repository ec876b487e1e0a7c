"""Normalised copies of pictures, named by the SHA-256 of their original bytes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedding.image.decode import decode
from index.errors import UnknownEntry, WorkspaceError
from index.stores.durable import write_file

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageStore:
    """A folder of JPEG copies without metadata: images/ab/cd/<sha256>.jpg."""

    root: Path

    def path(self, sha256: str) -> Path:
        """The file of a copy, whether or not it exists.

        Raises:
            UnknownEntry: that is not the name of an image.
        """
        if not _SHA256.fullmatch(sha256):
            raise UnknownEntry(f"{sha256!r} is not the SHA-256 of an image: 64 hexadecimal digits are needed")
        return self.root / sha256[:2] / sha256[2:4] / f"{sha256}.jpg"

    def __contains__(self, sha256: str) -> bool:
        # Called for every picture every night: a string costs a fraction of a Path.
        return (
            bool(_SHA256.fullmatch(sha256))
            and os.path.exists(  # noqa: PTH110
                f"{self.root}/{sha256[:2]}/{sha256[2:4]}/{sha256}.jpg"
            )
        )

    def add(self, sha256: str, jpeg: bytes) -> None:
        """Store a copy. After a power cut it is there completely or not at all, and is then made again.

        Raises:
            WorkspaceError: it cannot be written.
        """
        path = self.path(sha256)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The folder is not flushed, which would be slow: the next run makes a missing copy again.
            write_file(path, jpeg, name_too=False)
        except OSError as error:
            raise WorkspaceError(
                f"{path} cannot be written: {error.strerror}; free some space or repair that disk"
            ) from error

    def discard(self, sha256: str) -> None:
        """Delete a copy, if there is one."""
        self.path(sha256).unlink(missing_ok=True)

    def read(self, sha256: str) -> bytes:
        """The copy's JPEG bytes.

        Raises:
            UnknownEntry: there is no such image.
        """
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError:
            raise UnknownEntry(f"no image {sha256} is stored here") from None

    def pixels(self, sha256: str) -> npt.NDArray[np.uint8]:
        """The copy as upright RGB, uint8 [h, w, 3]."""
        return decode(self.read(sha256))
