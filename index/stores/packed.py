"""Contents stored by image and region in an object store, many in one object: shards that are never changed.

A shard is named after its SHA-256 and its number of contents, `<folder>/<sha256>-<n>.<kind>`: the contents one after
the other, then n records of 56 bytes with the key, the CRC-32 and the place of each. It is stored in one call, so it is
there completely or not at all. The shards are those that a listing shows: nothing names them but themselves.

Each append makes a shard. Small ones are merged once there are many; the merged shard is stored before its parts are
deleted, so after a crash contents may be there twice, but none too few. Contents are discarded likewise, by rewriting
their shards, and with all former versions of the deleted ones.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region
from index.errors import WorkspaceError
from index.stores.objects.protocol import ObjectRange, ObjectStore
from index.stores.row_keys import (
    KEY_FIELDS,
    Identities,
    KeyIndex,
    RowKey,
    RowNumbers,
    fresh_places,
    intact,
    unused_rows,
)

# About how large a shard grows, in bytes: what has to be written again when one of its contents is discarded.
SHARD_BYTES = 1 << 26
# Small shards, of less than half that size, are merged when there are so many.
MAX_SMALL = 32
# Contents that lie no farther apart are read together, up to so many bytes: a request costs more than the rest.
_GAP, _READ = 1 << 14, 1 << 23
_RECORD = np.dtype([*KEY_FIELDS, ("crc", "<u4"), ("start", "<u8"), ("length", "<u4")])
_NAME = re.compile(r"[0-9a-f]{64}-([1-9][0-9]*)")


@dataclass(frozen=True)
class _Shard:
    """A shard's key, its size in bytes, and its records."""

    key: str
    size: int
    records: npt.NDArray[np.void]


class PackedContents:
    """Contents of any length below a folder of an object store; `kind` is the ending of its shards.

    One writer at a time (the workspace's lock); any number of readers. A reader sees what was there when it was opened;
    what another process merged or discarded since raises ObjectMissing. Numbers of contents are valid
    until the next append or discard.
    """

    def __init__(self, objects: ObjectStore, folder: str, kind: str, known: Sequence[_Shard] = ()) -> None:
        """`known`: shards that were read before; of those that are still there nothing is read again."""
        self._objects, self._folder, self._kind = objects, folder, kind
        self._shards = list(known)
        self._load()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self, keys: Sequence[RowKey]) -> RowNumbers:
        """The numbers of keys, int64 [n]; -1 for those that are not stored."""
        return self._index.find(b"".join(key.packed() for key in keys))

    def rows_of(self, images: Sequence[str], region: Region) -> RowNumbers:
        """The numbers of one region of many images, as in `rows`."""
        return self._index.find_images(images, region)

    def keys(self, rows: RowNumbers) -> list[RowKey]:
        """The keys of numbers."""
        self._index_added()
        return self._index.keys(rows)

    def images(self) -> Identities:
        """The image of every content: the bytes of its SHA-256, uint8 [n, 32]."""
        self._index_added()
        return self._index.identities[:, :32]

    def get(self, rows: RowNumbers) -> list[bytes]:
        """The contents of numbers, int64 [n]."""
        ranges = [self._range(int(row)) for row in rows]
        order = sorted(range(len(ranges)), key=lambda place: ranges[place])
        together: list[tuple[ObjectRange, list[int]]] = []
        for place in order:
            key, start, end = ranges[place]
            if together:
                (last_key, first, last), places = together[-1]
                if key == last_key and start - last <= _GAP and end - first <= _READ:
                    together[-1] = (ObjectRange(key, first, max(last, end)), [*places, place])
                    continue
            together.append((ObjectRange(key, start, end), [place]))
        found = [b""] * len(ranges)
        read = self._objects.get_ranges([each for each, _ in together])
        for ((_, first, _), places), data in zip(together, read, strict=True):
            for place in places:
                found[place] = data[ranges[place].start - first : ranges[place].end - first]
        return found

    def is_intact(self, rows: RowNumbers, contents: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """Whether the contents of numbers, as `get` gave them, match their checksums, bool [n]."""
        return intact(contents, (self._record(int(row))["crc"] for row in rows))

    def is_current(self) -> bool:
        """Whether the store still has the shards that were there when this was opened, and no others."""
        return {shard.key for shard in self._shards} == {key for key, _, _ in self._listed()}

    def reopened(self) -> PackedContents:
        """What the store has now. This view stays as it is, for other threads may be reading by its numbers."""
        return PackedContents(self._objects, self._folder, self._kind, self._shards)

    def append(self, keys: Sequence[RowKey], contents: Sequence[bytes]) -> None:
        """Store contents. When this returns they survive the loss of this machine.

        Keys that are stored already are skipped.
        """
        fresh = fresh_places(keys, self.rows(keys))
        while fresh:
            size, count = 0, 0
            while count < len(fresh) and size < SHARD_BYTES:
                size += len(contents[fresh[count]])
                count += 1
            part, fresh = fresh[:count], fresh[count:]
            self._add([keys[place] for place in part], [contents[place] for place in part])
        if len(self._small()) > MAX_SMALL:
            self._merge()

    def damaged(self) -> list[int]:
        """The numbers whose content does not match its checksum, rising; reads everything."""
        bad: list[int] = []
        for start, shard in zip(self._starts.tolist(), self._shards, strict=False):
            contents = _contents(shard, self._objects.get(shard.key))
            bad += (start + np.flatnonzero(~intact(contents, shard.records["crc"]))).tolist()
        return bad

    def discard(self, rows: Sequence[int] | RowNumbers) -> None:
        """Delete contents and their keys, in every version that a bucket keeps; the others are renumbered."""
        discarded = np.zeros(len(self), bool)
        discarded[np.asarray(rows, np.int64)] = True
        starts = self._starts.tolist()
        for shard, start in zip(list(self._shards), starts, strict=False):
            in_shard = discarded[start : start + len(shard.records)]
            if in_shard.any():
                if not in_shard.all():
                    self._store_rest(shard, ~in_shard)
                self._objects.delete([shard.key])
        self._load()

    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int:
        """Delete the contents of images that are not `used`; returns how many.

        With `min_share` nothing is deleted unless they are more than that share of all, for it rewrites shards.
        """
        unused = unused_rows(self.images(), used, min_share)
        if len(unused):
            self.discard(unused)
        return len(unused)

    def _record(self, row: int) -> np.void:
        place = int(np.searchsorted(self._starts, row, side="right")) - 1
        record: np.void = self._shards[place].records[row - int(self._starts[place])]
        return record

    def _range(self, row: int) -> ObjectRange:
        place = int(np.searchsorted(self._starts, row, side="right")) - 1
        record = self._shards[place].records[row - int(self._starts[place])]
        start = int(record["start"])
        return ObjectRange(self._shards[place].key, start, start + int(record["length"]))

    def _load(self) -> None:
        """Read the records of the shards that are there."""
        known = {shard.key: shard for shard in self._shards}
        listed = sorted(self._listed())
        fresh = [(key, size, count) for key, size, count in listed if key not in known]
        tables = self._objects.get_ranges(
            [ObjectRange(key, size - count * _RECORD.itemsize, size) for key, size, count in fresh]
        )
        for (key, size, _), table in zip(fresh, tables, strict=True):
            known[key] = _Shard(key, size, np.frombuffer(table, _RECORD))
        self._shards = [known[key] for key, _, _ in listed]
        self._number()

    def _number(self) -> None:
        self._starts = np.cumsum([0, *(len(shard.records) for shard in self._shards)])
        records = [shard.records for shard in self._shards]
        self._index = KeyIndex(np.concatenate(records) if records else np.empty(0, _RECORD))

    def _index_added(self) -> None:
        """Include the appended keys in the sorted index."""
        if self._index.has_added:
            self._number()

    def _listed(self) -> Iterator[tuple[str, int, int]]:
        """Key, size and number of contents of every shard that is there."""
        for key, size in self._objects.list_objects(self._folder):
            name, _, kind = key.removeprefix(f"{self._folder}/").partition(".")
            found = _NAME.fullmatch(name)
            if kind == self._kind and found is not None:
                yield key, size, int(found[1])

    def _add(self, keys: Sequence[RowKey], contents: Sequence[bytes]) -> None:
        """Store one shard, and number its contents after the others."""
        records = np.empty(len(keys), _RECORD)
        start = 0
        for place, (key, content) in enumerate(zip(keys, contents, strict=True)):
            packed = np.frombuffer(key.packed(), np.uint8)
            records[place] = (packed[:32], packed[32:].view("<u2"), zlib.crc32(content), start, len(content))
            start += len(content)
        self._index.add(keys, len(self))
        self._shards.append(self._store(contents, records))
        self._starts = np.append(self._starts, self._starts[-1] + len(records))

    def _store(self, contents: Sequence[bytes], records: npt.NDArray[np.void]) -> _Shard:
        data = b"".join([*contents, records.tobytes()])
        key = f"{self._folder}/{hashlib.sha256(data).hexdigest()}-{len(records)}.{self._kind}"
        self._objects.put(key, data)
        return _Shard(key, len(data), records)

    def _store_rest(self, shard: _Shard, kept: npt.NDArray[np.bool_]) -> None:
        """Store a shard of what is `kept` of another, damaged contents as they are."""
        contents = _contents(shard, self._objects.get(shard.key))
        records = shard.records[kept].copy()
        records["start"] = np.cumsum([0, *records["length"]])[:-1]
        self._store([content for content, keep in zip(contents, kept, strict=True) if keep], records)

    def _small(self) -> list[_Shard]:
        return [shard for shard in self._shards if shard.size < SHARD_BYTES // 2]

    def _merge(self) -> None:
        """Make shards of about SHARD_BYTES of the small ones; what crashes left twice is kept once."""
        small = self._small()
        contents: list[bytes] = []
        records: list[npt.NDArray[np.void]] = []
        for shard in small:
            contents += _contents(shard, self._objects.get(shard.key))
            records.append(shard.records)
        every = np.concatenate(records)
        first = {key.tobytes(): place for place, key in reversed(list(enumerate(KeyIndex(every).identities)))}
        places, size, merged = sorted(first.values()), 0, set()
        part: list[int] = []
        for number, place in enumerate(places, 1):
            part.append(place)
            size += len(contents[place])
            if size >= SHARD_BYTES or number == len(places):
                chosen = every[part].copy()
                chosen["start"] = np.cumsum([0, *chosen["length"]])[:-1]
                merged.add(self._store([contents[each] for each in part], chosen).key)
                part, size = [], 0
        self._objects.delete([shard.key for shard in small if shard.key not in merged])
        self._load()


def _contents(shard: _Shard, data: bytes) -> list[bytes]:
    """The contents of a shard, of its whole object.

    Raises:
        WorkspaceError: the object is not of its size.
    """
    if len(data) != shard.size:
        raise WorkspaceError(f"{shard.key} is damaged: it has {len(data)} bytes instead of {shard.size}")
    ends = shard.records["start"] + shard.records["length"]
    return [data[start:end] for start, end in zip(shard.records["start"].tolist(), ends.tolist(), strict=True)]
