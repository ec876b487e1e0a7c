"""Rows of a fixed size, stored by image and region in append-only shards, so that none is computed twice.

On disk: pairs of files, NNNNNN.<kind> (the rows) and NNNNNN.keys (fixed-size records, written after their rows). Rows
are read through one memory map a shard. An incomplete end, left by a crash, is truncated at the next write; a record
has its row's CRC-32, so that damage is noticed. Discarded rows are erased from the disk: their shard is rewritten.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region
from index.stores.durable import sync_folder, write_file
from index.stores.row_keys import (
    KEY_FIELDS,
    Identities,
    KeyIndex,
    RowKey,
    RowNumbers,
    Rows,
    fresh_places,
    intact,
    unused_rows,
)

# About how large a shard grows, in bytes: what has to be written again when one of its rows is discarded.
SHARD_BYTES = 1 << 26
_RECORD = np.dtype([*KEY_FIELDS, ("crc", "<u4")])


class ShardedRows:
    """Rows of `width` numbers of one type in a folder.

    One writer at a time (the workspace's lock); any number of readers. `kind` is the ending of the files with the rows.
    A reader sees what was there when it was opened; see `is_current`.
    """

    def __init__(self, folder: Path, kind: str, dtype: npt.DTypeLike, width: int) -> None:
        self._folder, self._kind = folder, kind
        self._dtype, self._width = np.dtype(dtype), width
        self._row_bytes = self._dtype.itemsize * width
        self._shard_rows = max(1, SHARD_BYTES // self._row_bytes)
        self._load()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self, keys: Sequence[RowKey]) -> RowNumbers:
        """The row numbers of keys, int64 [n]; -1 for those that are not stored."""
        return self._index.find(b"".join(key.packed() for key in keys))

    def rows_of(self, images: Sequence[str], region: Region) -> RowNumbers:
        """The row numbers of one region of many images, as in `rows`."""
        return self._index.find_images(images, region)

    def get(self, rows: RowNumbers) -> Rows:
        """The content of rows [n, width]."""
        found = np.empty((len(rows), self._width), self._dtype)
        shard_of = np.searchsorted(self._starts, rows, side="right") - 1
        for shard in np.unique(shard_of):
            chosen = shard_of == shard
            found[chosen] = self._shards[shard][rows[chosen] - self._starts[shard]]
        return found

    def is_intact(self, rows: RowNumbers, content: Rows) -> npt.NDArray[np.bool_]:
        """Whether the content of rows, as `get` gave it, matches their checksums, bool [n]."""
        self._index_appended()
        return intact((row.tobytes() for row in content), self._records["crc"][rows])

    def is_current(self) -> bool:
        """Whether the disk still has the rows that were there when this was opened, and no others."""
        return self._sizes == self._sizes_on_disk()

    def reopened(self) -> ShardedRows:
        """What the disk has now. This view stays as it is, for other threads may be reading by its numbers."""
        return ShardedRows(self._folder, self._kind, self._dtype, self._width)

    def append(self, keys: Sequence[RowKey], content: Rows) -> None:
        """Store new rows [n, width]. When this returns they survive a power cut.

        Keys that are stored already are skipped.
        """
        fresh = fresh_places(keys, self.rows(keys))
        while fresh:
            if not self._shards or len(self._shards[-1]) >= self._shard_rows:
                self._begin_shard()
            free = self._shard_rows - len(self._shards[-1])
            part, fresh = fresh[:free], fresh[free:]
            self._write([keys[index] for index in part], content[part].astype(self._dtype))

    def images(self) -> Identities:
        """The image of every row: the bytes of its SHA-256, uint8 [n, 32]."""
        self._index_appended()
        return self._index.identities[:, :32]

    def damaged(self) -> list[int]:
        """Rows whose content does not match its checksum, rising; reads everything."""
        self._index_appended()
        bad: list[int] = []
        for start, shard in zip(self._starts, self._shards, strict=False):
            crcs = self._records["crc"][int(start) : int(start) + len(shard)]
            bad += [int(start) + row for row in range(len(shard)) if zlib.crc32(shard[row].tobytes()) != crcs[row]]
        return bad

    def keys(self, rows: RowNumbers) -> list[RowKey]:
        """The keys of rows."""
        self._index_appended()
        return self._index.keys(rows)

    def discard(self, rows: Sequence[int] | RowNumbers) -> None:
        """Delete rows and their keys from the disk; the others are renumbered.

        A shard is rewritten under a new number and the old one deleted; after a crash between the two there is a shard
        too many, but never a row too few.
        """
        self._index_appended()
        discarded = np.zeros(len(self), bool)
        discarded[np.asarray(rows, np.int64)] = True
        next_number = max(self._numbers, default=-1) + 1
        for place, (number, start) in enumerate(zip(list(self._numbers), self._starts.tolist(), strict=False)):
            in_shard = discarded[start : start + len(self._shards[place])]
            if in_shard.any():
                if not in_shard.all():
                    kept = self._records[start : start + len(in_shard)][~in_shard]
                    rest = self._shards[place][~in_shard]
                    write_file(self._path(next_number, self._kind), rest.tobytes(), name_too=False)
                    write_file(self._path(next_number, "keys"), kept.tobytes())
                    next_number += 1
                # Keys first: rows without keys are ignored.
                for kind in ("keys", self._kind):
                    self._path(number, kind).unlink()
                    sync_folder(self._folder)
            else:
                self._truncate(number, len(in_shard))
        self._delete_leftovers()
        self._load()

    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int:
        """Delete the rows of images that are not `used`, and what crashes left; returns how many rows.

        With `min_share` nothing is deleted unless they are more than that share of all rows, for it rewrites shards.
        """
        unused = unused_rows(self.images(), used, min_share)
        if len(unused) or min_share is None:
            self.discard(unused)
        return len(unused)

    def _load(self) -> None:
        """Read the shards on the disk."""
        self._numbers = sorted(int(path.stem) for path in self._folder.glob("[0-9]*.keys"))
        self._shards: list[Rows] = []
        keys: list[npt.NDArray[np.void]] = []
        for number in self._numbers:
            shard_keys, shard = self._map(number)
            keys.append(shard_keys)
            self._shards.append(shard)
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])
        self._records = np.concatenate(keys) if keys else np.empty(0, _RECORD)
        self._index = KeyIndex(self._records)
        self._sizes = self._sizes_on_disk()

    def _sizes_on_disk(self) -> dict[str, int]:
        """The size of each file of keys, by name: an append changes a size, a deletion the names."""
        return {path.name: path.stat().st_size for path in self._folder.glob("[0-9]*.keys")}

    def _index_appended(self) -> None:
        """Include the appended rows in the sorted index."""
        if self._index.has_added:
            self._load()

    def _write(self, keys: list[RowKey], content: Rows) -> None:
        number = self._numbers[-1]
        rows = len(self._shards[-1])
        records = np.empty(len(keys), _RECORD)
        for index, key in enumerate(keys):
            packed = np.frombuffer(key.packed(), np.uint8)
            records[index] = (packed[:32], packed[32:].view("<u2"), zlib.crc32(content[index].tobytes()))
        self._truncate(number, rows)
        for kind, data in ((self._kind, content.tobytes()), ("keys", records.tobytes())):
            with self._path(number, kind).open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        first = int(self._starts[-1])
        self._shards[-1] = self._map(number)[1]
        self._starts[-1] += len(keys)
        self._index.add(keys, first)

    def _truncate(self, number: int, rows: int) -> None:
        """Truncate what a crash left of a shard after its complete rows; keys first: they need their rows."""
        for kind, size in (("keys", rows * _RECORD.itemsize), (self._kind, rows * self._row_bytes)):
            path = self._path(number, kind)
            if path.stat().st_size != size:
                os.truncate(path, size)

    def _begin_shard(self) -> None:
        number = max(self._numbers, default=-1) + 1
        self._folder.mkdir(parents=True, exist_ok=True)
        for kind in (self._kind, "keys"):
            self._path(number, kind).touch()
        sync_folder(self._folder)
        self._numbers.append(number)
        self._shards.append(np.empty((0, self._width), self._dtype))
        self._starts = np.append(self._starts, self._starts[-1])

    def _delete_leftovers(self) -> None:
        """Delete what crashes left: rows without keys, unfinished files."""
        for path in self._folder.glob(f"[0-9]*.{self._kind}"):
            if not path.with_suffix(".keys").exists():
                path.unlink()
        for path in self._folder.glob(".*.part"):
            path.unlink()

    def _map(self, number: int) -> tuple[npt.NDArray[np.void], Rows]:
        """The records and rows of a shard, without rows that a crash left incomplete."""
        keys = np.fromfile(
            self._path(number, "keys"), _RECORD, self._path(number, "keys").stat().st_size // _RECORD.itemsize
        )
        path = self._path(number, self._kind)
        complete = path.stat().st_size // self._row_bytes if path.exists() else 0
        rows = min(len(keys), complete)
        if rows == 0:
            return keys[:0], np.empty((0, self._width), self._dtype)
        content = np.memmap(path, self._dtype, "r", shape=(rows, self._width))
        last = rows
        # A power cut may leave pages of zeros at the end: complete records of wrong content.
        while last and zlib.crc32(content[last - 1].tobytes()) != keys["crc"][last - 1]:
            last -= 1
        return keys[:last], content[:last]

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number:06d}.{kind}"
