"""A feed on disk: its bytes, unpacked where the file is compressed, and its text in the encoding that it has."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from index.errors import FeedError, FeedIncomplete
from index.sources.feeds.encodings import LONE, encoding_of
from index.sources.feeds.extras import load
from index.sources.feeds.zip_member import member_of

HEAD_BYTES = 65_536
# A compressed feed of honest text shrinks to a hundredth at most.
MAX_RATIO, FREE_BYTES = 1000, 64_000_000
_BUFFER = 131_072

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
}
_UNREAD = {b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a RAR archive", b"\xd0\xcf\x11\xe0": "an Office document"}


@dataclass(frozen=True)
class FeedFile:
    """A feed's file or folder. `encoding` is that of its text where it was named; empty where it is to be found."""

    path: Path
    encoding: str = ""

    def __str__(self) -> str:
        return str(self.path)

    @property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @property
    def base(self) -> Path:
        """The folder from which relative paths in the feed are taken."""
        return self.path if self.is_folder else self.path.parent

    def compression(self) -> str:
        """How the file is compressed: "gzip", "zip", "zstd", "bzip2", "xz", or "" where it is not.

        Raises:
            FeedError: it cannot be read, or is an archive of a kind that is not read.
        """
        try:
            with self.path.open("rb") as file:
                head = file.read(8)
        except OSError as error:
            raise _unreadable(self, error) from error
        for magic, kind in _UNREAD.items():
            if head.startswith(magic):
                raise FeedError(f"{self}: is {kind}, which is not read: unpack it, or export the feed as CSV.")
        return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader[Any]]:
        """The feed's bytes, unpacked.

        Raises:
            FeedError: it cannot be opened.
            FeedIncomplete: while reading: it is cut short or damaged, or cannot be read to its end.
        """
        compression = self.compression()
        try:
            raw = _OPENERS[compression](self.path)
        except OSError as error:
            raise _unreadable(self, error) from error
        with raw, io.BufferedReader(_Checked(raw, self, bool(compression)), _BUFFER) as file:
            yield file

    @contextmanager
    def open_text(self, encoding: str, newline: str | None = None) -> Iterator[TextIO]:
        """The feed's text; a byte that is not in the encoding becomes a lone surrogate. Raises as `open` does."""
        # The codecs of UTF-16 have no surrogateescape; in the others it keeps the byte itself.
        errors = LONE if encoding.startswith("utf-16") else "surrogateescape"
        with self.open() as file, io.TextIOWrapper(file, encoding, errors, newline) as text:
            yield text

    def head(self) -> bytes:
        """The first HEAD_BYTES of the feed, or fewer where it is cut before; nothing of a folder. Raises FeedError."""
        if self.is_folder:
            return b""
        head = b""
        try:
            with self.open() as file:
                while len(head) < HEAD_BYTES and (more := file.read1(HEAD_BYTES - len(head))):
                    head += more
        except FeedIncomplete:
            if not head:
                raise
        return head

    def text_encoding(self) -> str:
        """The encoding that was named, or that of the head: see `encodings.encoding_of`. Raises FeedError."""
        return self.encoding or encoding_of(self.head(), HEAD_BYTES)


class _Checked(io.RawIOBase):
    """Bytes of a feed, in which every fault is a FeedError, and what is unpacked stays in proportion to the file."""

    def __init__(self, raw: BinaryIO, feed: FeedFile, compressed: bool) -> None:
        # What was unpacked before a fault is given first: read() would lose it.
        self._read = getattr(raw, "read1", raw.read)
        self._feed = feed
        self._unpacked = 0
        self._most = max(FREE_BYTES, MAX_RATIO * feed.path.stat().st_size) if compressed else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data: bytes = self._read(len(buffer))
        except _damage() as error:
            raise FeedIncomplete(
                f"{self._feed}: the compressed file is cut short or damaged ({error}): fetch it again."
            ) from error
        except OSError as error:
            raise FeedIncomplete(
                f"{self._feed}: cannot be read to its end: {error.strerror or error}. Check the disk and start again."
            ) from error
        self._unpacked += len(data)
        if self._most is not None and self._unpacked > self._most:
            raise FeedError(f"{self._feed}: unpacks to over {MAX_RATIO} times its size: this is no feed.")
        buffer[: len(data)] = data
        return len(data)


def _unreadable(feed: FeedFile, error: OSError) -> FeedError:
    return FeedError(f"{feed}: cannot be read: {error.strerror or error}. Check the path and its permissions.")


_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def _open_zstd(path: Path) -> BinaryIO:
    return cast(BinaryIO, load(_ZSTD, f"{path}: a feed compressed by zstd").open(path))


def _damage() -> tuple[type[Exception], ...]:
    """The exceptions with which decompression ends where the file is cut short or damaged."""
    zstd = (sys.modules[_ZSTD].ZstdError,) if _ZSTD in sys.modules else ()
    return (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, *zstd)


_OPENERS: dict[str, Callable[[Path], BinaryIO]] = {
    "": lambda path: path.open("rb", buffering=0),
    "gzip": lambda path: cast(BinaryIO, gzip.GzipFile(path)),
    "bzip2": lambda path: cast(BinaryIO, bz2.BZ2File(path)),
    "xz": lambda path: cast(BinaryIO, lzma.LZMAFile(path)),  # noqa: SIM115 - closed by FeedFile.open
    "zip": member_of,
    "zstd": _open_zstd,
}
