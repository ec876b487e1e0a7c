"""Rows of a fixed size, stored by image and region in append-only shards, so that none is computed twice.

On disk: pairs of files, NNNNNN.<kind> (the rows) and NNNNNN.keys (fixed-size records, written after their rows). Rows
are read through one memory map a shard. An incomplete end, left by a crash, is truncated at the next write; a record
has its row's CRC-32, so that damage is noticed. Discarded rows are erased from the disk: their shard is rewritten.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region
from index.stores.durable import sync_folder, write_file

# About how large a shard grows, in bytes: what has to be written again when one of its rows is discarded.
SHARD_BYTES = 1 << 26
_KEY = np.dtype([("sha256", "u1", 32), ("region", "<u2", 4), ("crc", "<u4")])
_REGION_STEPS = 65_535

Identities = npt.NDArray[np.uint8]
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class RowKey:
    """The key of a row: an image, by the SHA-256 of its original bytes, and a region of it."""

    sha256: str
    region: Region

    def packed(self) -> bytes:
        """32 bytes of SHA-256, then the region in steps of 1/65535: unique for each row."""
        return bytes.fromhex(self.sha256) + _packed_region(self.region)


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

    def rows(self, keys: Sequence[RowKey]) -> npt.NDArray[np.int64]:
        """The row numbers of keys, int64 [n]; -1 for those that are not stored."""
        return self._find(b"".join(key.packed() for key in keys))

    def rows_of(self, images: Sequence[str], region: Region) -> npt.NDArray[np.int64]:
        """The row numbers of one region of many images, as in `rows`."""
        end = _packed_region(region)
        return self._find(b"".join(bytes.fromhex(image) + end for image in images))

    def get(self, rows: npt.NDArray[np.int64]) -> Rows:
        """The content of rows [n, width]."""
        found = np.empty((len(rows), self._width), self._dtype)
        shard_of = np.searchsorted(self._starts, rows, side="right") - 1
        for shard in np.unique(shard_of):
            chosen = shard_of == shard
            found[chosen] = self._shards[shard][rows[chosen] - self._starts[shard]]
        return found

    def is_intact(self, rows: npt.NDArray[np.int64], content: Rows) -> npt.NDArray[np.bool_]:
        """Whether the content of rows, as `get` gave it, matches their checksums, bool [n]."""
        self._index_appended()
        crcs = self._records["crc"][rows]
        return np.array([zlib.crc32(row.tobytes()) == crc for row, crc in zip(content, crcs, strict=True)], bool)

    def is_current(self) -> bool:
        """Whether the disk still has the rows that were there when this was opened, and no others."""
        return self._sizes == self._sizes_on_disk()

    def append(self, keys: Sequence[RowKey], content: Rows) -> None:
        """Store new rows [n, width]. When this returns they survive a power cut.

        Keys that are stored already are skipped.
        """
        fresh = [index for index, row in enumerate(self.rows(keys)) if row < 0]
        fresh = list({keys[index].packed(): index for index in reversed(fresh)}.values())[::-1]
        while fresh:
            if not self._shards or len(self._shards[-1]) >= self._shard_rows:
                self._begin_shard()
            free = self._shard_rows - len(self._shards[-1])
            part, fresh = fresh[:free], fresh[free:]
            self._write([keys[index] for index in part], content[part].astype(self._dtype))

    def images(self) -> Identities:
        """The image of every row: the bytes of its SHA-256, uint8 [n, 32]."""
        self._index_appended()
        return self._identities[:, :32]

    def damaged(self) -> list[int]:
        """Rows whose content does not match its checksum, rising; reads everything."""
        self._index_appended()
        bad: list[int] = []
        for start, shard in zip(self._starts, self._shards, strict=False):
            crcs = self._records["crc"][int(start) : int(start) + len(shard)]
            bad += [int(start) + row for row in range(len(shard)) if zlib.crc32(shard[row].tobytes()) != crcs[row]]
        return bad

    def discard(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> None:
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
        names = {bytes.fromhex(image) for image in used}
        images = self.images()
        unused = np.flatnonzero([image.tobytes() not in names for image in images])
        if min_share is not None and len(unused) <= min_share * len(images):
            return 0
        self.discard(unused)
        return len(unused)

    def _find(self, packed: bytes) -> npt.NDArray[np.int64]:
        identities = np.frombuffer(packed, np.uint8).reshape(-1, 40) if packed else np.empty((0, 40), np.uint8)
        found = np.full(len(identities), -1, np.int64)
        if len(identities) == 0 or len(self) == 0:
            return found
        prints = _fingerprints(identities)
        starts = np.searchsorted(self._sorted, prints)
        matching = np.flatnonzero(starts < len(self._sorted))
        matching = matching[self._sorted[starts[matching]] == prints[matching]]
        first = self._order[starts[matching]]
        same = (self._identities[first] == identities[matching]).all(axis=1)
        found[matching[same]] = first[same]
        # Different identities may have the same fingerprint.
        for index in matching[~same]:
            at = int(starts[index]) + 1
            while at < len(self._sorted) and self._sorted[at] == prints[index]:
                row = int(self._order[at])
                if np.array_equal(self._identities[row], identities[index]):
                    found[index] = row
                    break
                at += 1
        if self._appended:
            for index in np.flatnonzero(found < 0):
                found[index] = self._appended.get(identities[index].tobytes(), -1)
        return found

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
        self._records = np.concatenate(keys) if keys else np.empty(0, _KEY)
        self._identities = _identities(self._records)
        prints = _fingerprints(self._identities)
        self._order = np.argsort(prints, kind="stable")
        self._sorted = prints[self._order]
        self._appended: dict[bytes, int] = {}
        self._sizes = self._sizes_on_disk()

    def _sizes_on_disk(self) -> dict[str, int]:
        """The size of each file of keys, by name: an append changes a size, a deletion the names."""
        return {path.name: path.stat().st_size for path in self._folder.glob("[0-9]*.keys")}

    def _index_appended(self) -> None:
        """Include the appended rows in the sorted index."""
        if self._appended:
            self._load()

    def _write(self, keys: list[RowKey], content: Rows) -> None:
        number = self._numbers[-1]
        rows = len(self._shards[-1])
        records = np.empty(len(keys), _KEY)
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
        for index, key in enumerate(keys):
            self._appended[key.packed()] = first + index

    def _truncate(self, number: int, rows: int) -> None:
        """Truncate what a crash left of a shard after its complete rows; keys first: they need their rows."""
        for kind, size in (("keys", rows * _KEY.itemsize), (self._kind, rows * self._row_bytes)):
            path = self._path(number, kind)
            if path.stat().st_size != size:
                os.truncate(path, size)

    def _begin_shard(self) -> None:
        number = max(self._numbers, default=-1) + 1
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
        keys = np.fromfile(self._path(number, "keys"), _KEY, self._path(number, "keys").stat().st_size // _KEY.itemsize)
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


def _packed_region(region: Region) -> bytes:
    steps = [round(side * _REGION_STEPS) for side in (region.x0, region.y0, region.x1, region.y1)]
    return np.array(steps, "<u2").tobytes()


def _identities(records: npt.NDArray[np.void]) -> Identities:
    """The unique part of records, uint8 [n, 40]: image and region."""
    return np.ascontiguousarray(
        np.concatenate([records["sha256"], np.ascontiguousarray(records["region"]).view("u1").reshape(-1, 8)], axis=1)
    )


def _fingerprints(identities: Identities) -> npt.NDArray[np.uint64]:
    """A 64-bit number per identity, uint8 [n, 40]: its image's first bytes combined with its region."""
    if len(identities) == 0:
        return np.empty(0, np.uint64)
    words = np.ascontiguousarray(identities).view("<u8")
    folded: npt.NDArray[np.uint64] = words[:, 0] ^ (words[:, 4] * np.uint64(0x9E3779B97F4A7C15))
    return folded
