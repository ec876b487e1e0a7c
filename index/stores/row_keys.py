"""The keys of stored rows, an image and a region of it, and the index that finds a row by its key."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region

# The fields of a key, as they begin each record of a stored row.
KEY_FIELDS = [("sha256", "u1", 32), ("region", "<u2", 4)]
_REGION_STEPS = 65_535

Identities = npt.NDArray[np.uint8]
RowNumbers = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class RowKey:
    """The key of a row: an image, by the SHA-256 of its original bytes, and a region of it."""

    sha256: str
    region: Region

    def packed(self) -> bytes:
        """32 bytes of SHA-256, then the region in steps of 1/65535: unique for each row."""
        return bytes.fromhex(self.sha256) + packed_region(self.region)

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """The inverse of `packed`."""
        sides = np.frombuffer(packed[32:], "<u2") / _REGION_STEPS
        return cls(packed[:32].hex(), Region(*sides.tolist()))


class KeyIndex:
    """The row numbers of keys: those of `records`, an array with KEY_FIELDS, by their place, and rows added later."""

    def __init__(self, records: npt.NDArray[np.void]) -> None:
        self.identities = _identities(records)
        prints = _fingerprints(self.identities)
        self._order = np.argsort(prints, kind="stable")
        self._sorted = prints[self._order]
        self._added: dict[bytes, int] = {}

    @property
    def has_added(self) -> bool:
        """Whether rows were added, which `identities` lacks."""
        return bool(self._added)

    def add(self, keys: Iterable[RowKey], first: int) -> None:
        """Add keys with the row numbers from `first` on."""
        self._added.update((key.packed(), row) for row, key in enumerate(keys, first))

    def find(self, packed: bytes) -> RowNumbers:
        """The row numbers, int64 [n], of keys of 40 bytes each; -1 where there is none."""
        identities = np.frombuffer(packed, np.uint8).reshape(-1, 40) if packed else np.empty((0, 40), np.uint8)
        found = np.full(len(identities), -1, np.int64)
        if len(self._sorted) and len(identities):
            prints = _fingerprints(identities)
            starts = np.searchsorted(self._sorted, prints)
            matching = np.flatnonzero(starts < len(self._sorted))
            matching = matching[self._sorted[starts[matching]] == prints[matching]]
            first = self._order[starts[matching]]
            same = (self.identities[first] == identities[matching]).all(axis=1)
            found[matching[same]] = first[same]
            # Different identities may have the same fingerprint.
            for index in matching[~same]:
                at = int(starts[index]) + 1
                while at < len(self._sorted) and self._sorted[at] == prints[index]:
                    row = int(self._order[at])
                    if np.array_equal(self.identities[row], identities[index]):
                        found[index] = row
                        break
                    at += 1
        if self._added:
            for index in np.flatnonzero(found < 0):
                found[index] = self._added.get(identities[index].tobytes(), -1)
        return found

    def keys(self, rows: RowNumbers) -> list[RowKey]:
        """The keys of rows that were not added."""
        return [RowKey.unpacked(identity.tobytes()) for identity in self.identities[rows]]

    def find_images(self, images: Sequence[str], region: Region) -> RowNumbers:
        """The row numbers of one region of many images, as in `find`."""
        end = packed_region(region)
        return self.find(b"".join(bytes.fromhex(image) + end for image in images))


def unused_rows(images: Identities, used: Collection[str], min_share: float | None) -> RowNumbers:
    """The rows, rising, whose image, uint8 [n, 32], is not `used`; none if they are no more than `min_share` of all."""
    names = {bytes.fromhex(image) for image in used}
    unused = np.flatnonzero([image.tobytes() not in names for image in images])
    return unused[:0] if min_share is not None and len(unused) <= min_share * len(images) else unused


def fresh_places(keys: Sequence[RowKey], rows: RowNumbers) -> list[int]:
    """The places of the keys that have no row yet (-1), each key once, the first of equal ones."""
    first: dict[bytes, int] = {}
    for place in np.flatnonzero(rows < 0).tolist():
        first.setdefault(keys[place].packed(), place)
    return list(first.values())


def intact(contents: Iterable[bytes], crcs: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Whether each content has its CRC-32, bool [n]."""
    return np.array([zlib.crc32(content) == crc for content, crc in zip(contents, crcs, strict=True)], bool)


def packed_region(region: Region) -> bytes:
    """A region in 8 bytes, in steps of 1/65535."""
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
