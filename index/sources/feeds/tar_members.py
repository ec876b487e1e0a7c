"""Members of tar shards, found and read in place: nothing is unpacked to disk and no member's name becomes a path."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from index.spelling import composed

MEMBERS_LIMIT = 1_000_000
# Long names and extended headers are read whole by tarfile; an honest one takes a few hundred bytes.
_HEADER_LIMIT = 1_048_576


# A tar ends with two blocks of zeros; like GNU tar, one is taken for the end too.
_END = bytes(512)


class DamagedTar(tarfile.TarError):
    """A tar whose headers cannot be followed any further."""


@dataclass(frozen=True)
class Member:
    """A plain file in a tar: its name and where its bytes lie."""

    name: str
    offset: int
    size: int


def members(path: Path) -> Iterator[Member]:
    """Stream the plain files of an uncompressed tar; links, devices and sparse files are passed over.

    Raises DamagedTar where the headers end in the middle or are none, or the mark that ends a tar is missing, OSError
    where the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            with tarfile.open(fileobj=cast(BinaryIO, _BoundedReads(file)), mode="r:") as archive:
                while (info := archive.next()) is not None:
                    archive.members = []  # type: ignore[attr-defined] # tarfile remembers every member otherwise
                    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.sparse is not None:
                        continue
                    if info.offset_data + info.size > size:
                        raise DamagedTar(f"the tar ends in the middle of {info.name[:80]!r}")
                    yield Member(info.name, info.offset_data, info.size)
                file.seek(archive.offset)  # where tarfile looked for the next header
                if len(_END) != len(end := file.read(len(_END))) or end != _END:
                    raise DamagedTar("it ends without the blocks that end a tar")
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise error if isinstance(error, DamagedTar) else DamagedTar(str(error)) from error


def find_member(path: Path, name: str) -> Member | None:
    """Return the member of that name, its letters composed or decomposed, or None. Raises DamagedTar, OSError.

    The first question of a shard lists its members, the next ones are answered from memory.
    """
    known = path.stat()
    table = _table(str(path), known.st_mtime_ns, known.st_size)
    found = table.get(name)
    if found is not None or name.isascii():
        return found
    return next((member for other, member in table.items() if composed(other) == composed(name)), None)


@lru_cache(maxsize=8)
def _table(path: str, modified: int, size: int) -> dict[str, Member]:  # noqa: ARG001 - a changed file is another key
    """Return the members by name, the last of equal names, as tar has it."""
    table: dict[str, Member] = {}
    try:
        for member in members(Path(path)):
            table[member.name] = member
            if len(table) > MEMBERS_LIMIT:
                raise DamagedTar(f"it has over {MEMBERS_LIMIT} members; split it into smaller shards")
    except DamagedTar:
        # The members before the damage were read as rows, and their pictures can be read.
        if not table:
            raise
    return table


class _BoundedReads:
    """A file whose single reads are bounded, so that a header's claimed size cannot fill memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_LIMIT:
            raise DamagedTar(f"a header claims {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
