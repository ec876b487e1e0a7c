"""Embeddings kept by image and region under one model, so that none is computed twice.

On disk: pairs of append-only files, NNNNNN.vectors (float16 rows) and NNNNNN.keys (fixed-size records, written after
the vectors they name). Whatever a crash tore off the end is cut away at the next writing; a record carries its
vector's CRC-32, so that damage is noticed. What is discarded is gone from the disk: its shard is written anew.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Vectors
from embedding.image.regions import Region
from index.errors import WorkspaceError
from index.stores.durable import sync_folder, write_file

SHARD_ROWS = 65_536
_KEY = np.dtype([("sha256", "u1", 32), ("region", "<u2", 4), ("crc", "<u4")])
_STEPS = 65_535
_ABOUT = "about.json"

Identities = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class VectorKey:
    """Which embedding: an image, by the SHA-256 of its original bytes, and a region of it."""

    sha256: str
    region: Region

    def packed(self) -> bytes:
        """32 bytes of SHA-256, then the region in 1/65535 steps: what tells two embeddings apart."""
        return bytes.fromhex(self.sha256) + _packed_region(self.region)


class VectorStore:
    """The embeddings of one model. One writer at a time (the workspace's lock); any number of readers."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._row_bytes = 2 * dimension
        self._load()

    @classmethod
    def open(cls, root: Path, card: ModelCard) -> Self:
        """Open, or begin, the embeddings of a model below `root`; the folder's name holds the weights' checksum.

        Raises:
            WorkspaceError: the folder holds vectors of another length.
        """
        folder = root / f"{card.name.replace('/', '--')}-{(card.sha256 or 'unknown')[:12]}"
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / _ABOUT
        told = {"model": card.name, "sha256": card.sha256, "dimension": card.dimension, "dtype": "float16"}
        if about.exists():
            kept = json.loads(about.read_text(encoding="utf-8"))
            if kept != told:
                raise WorkspaceError(f"{folder} holds vectors of {kept}, not of {told}: move it away and re-index")
        else:
            write_file(about, json.dumps(told, indent=2).encode())
            sync_folder(root)
        return cls(folder, card.dimension)

    @classmethod
    def all(cls, root: Path) -> Iterator[Self]:
        """Open the embeddings of every model that was ever used below `root`."""
        for about in sorted(root.glob(f"*/{_ABOUT}")):
            yield cls(about.parent, json.loads(about.read_text(encoding="utf-8"))["dimension"])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self, keys: Sequence[VectorKey]) -> npt.NDArray[np.int64]:
        """Where embeddings lie, int64 [n]; -1 for what was never computed."""
        return self._find(b"".join(key.packed() for key in keys))

    def rows_of(self, images: Sequence[str], region: Region) -> npt.NDArray[np.int64]:
        """Where the embeddings of one region of many images lie, as `rows` tells it."""
        end = _packed_region(region)
        return self._find(b"".join(bytes.fromhex(image) + end for image in images))

    def get(self, rows: npt.NDArray[np.int64]) -> Vectors:
        """The embeddings of rows, float32 [n, dimension], unit length again after their float16 rest."""
        vectors = np.empty((len(rows), self._dimension), np.float32)
        shard_of = np.searchsorted(self._starts, rows, side="right") - 1
        for shard in np.unique(shard_of):
            chosen = shard_of == shard
            vectors[chosen] = self._shards[shard][rows[chosen] - self._starts[shard]]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.maximum(lengths, np.float32(1e-12))
        return vectors

    def append(self, keys: Sequence[VectorKey], vectors: Vectors) -> None:
        """Keep new embeddings: float32 [n, dimension]. When this returns they outlive a power cut.

        Keys that are here already are left as they are.
        """
        fresh = [index for index, row in enumerate(self.rows(keys)) if row < 0]
        fresh = list({keys[index].packed(): index for index in reversed(fresh)}.values())[::-1]
        while fresh:
            if not self._shards or len(self._shards[-1]) >= SHARD_ROWS:
                self._begin_shard()
            room = SHARD_ROWS - len(self._shards[-1])
            part, fresh = fresh[:room], fresh[room:]
            self._write([keys[index] for index in part], vectors[part].astype(np.float16))

    def images(self) -> Identities:
        """The image of every row: the bytes of its SHA-256, uint8 [n, 32]."""
        self._settle()
        return self._identities[:, :32]

    def damaged(self) -> list[int]:
        """Rows whose vector does not fit its checksum, rising; reads everything."""
        self._settle()
        bad: list[int] = []
        for start, shard in zip(self._starts, self._shards, strict=False):
            crcs = self._records["crc"][int(start) : int(start) + len(shard)]
            bad += [int(start) + row for row in range(len(shard)) if zlib.crc32(shard[row].tobytes()) != crcs[row]]
        return bad

    def discard(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> None:
        """Delete embeddings, keys and vectors, from the disk; every other row moves to where it now lies.

        A shard is written anew under a new number and the old one deleted; what a crash leaves between the two is a
        shard too many, never a row too few.
        """
        self._settle()
        gone = np.zeros(len(self), bool)
        gone[np.asarray(rows, np.int64)] = True
        following = max(self._numbers, default=-1) + 1
        for place, (number, start) in enumerate(zip(list(self._numbers), self._starts.tolist(), strict=False)):
            here = gone[start : start + len(self._shards[place])]
            if here.any():
                if not here.all():
                    kept = self._records[start : start + len(here)][~here]
                    vectors = self._shards[place][~here]
                    write_file(self._path(following, "vectors"), vectors.tobytes(), name_too=False)
                    write_file(self._path(following, "keys"), kept.tobytes())
                    following += 1
                # Keys first: vectors without keys are nothing.
                for kind in ("keys", "vectors"):
                    self._path(number, kind).unlink()
                    sync_folder(self._folder)
            else:
                self._cut(number, len(here))
        self._drop_leftovers()
        self._load()

    def _find(self, packed: bytes) -> npt.NDArray[np.int64]:
        identities = np.frombuffer(packed, np.uint8).reshape(-1, 40) if packed else np.empty((0, 40), np.uint8)
        found = np.full(len(identities), -1, np.int64)
        if len(identities) == 0 or len(self) == 0:
            return found
        prints = _fingerprints(identities)
        starts = np.searchsorted(self._sorted, prints)
        alike = np.flatnonzero(starts < len(self._sorted))
        alike = alike[self._sorted[starts[alike]] == prints[alike]]
        first = self._order[starts[alike]]
        same = (self._identities[first] == identities[alike]).all(axis=1)
        found[alike[same]] = first[same]
        # Two identities with one fingerprint: regions or images that a xor cannot tell apart.
        for index in alike[~same]:
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
        """Take stock of what is on the disk."""
        self._numbers = sorted(int(path.stem) for path in self._folder.glob("[0-9]*.keys"))
        self._shards: list[npt.NDArray[np.float16]] = []
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

    def _settle(self) -> None:
        """Count what was appended among the rest."""
        if self._appended:
            self._load()

    def _write(self, keys: list[VectorKey], vectors: npt.NDArray[np.float16]) -> None:
        number = self._numbers[-1]
        rows = len(self._shards[-1])
        records = np.empty(len(keys), _KEY)
        for index, key in enumerate(keys):
            packed = np.frombuffer(key.packed(), np.uint8)
            records[index] = (packed[:32], packed[32:].view("<u2"), zlib.crc32(vectors[index].tobytes()))
        self._cut(number, rows)
        for kind, data in (("vectors", vectors.tobytes()), ("keys", records.tobytes())):
            with self._path(number, kind).open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        first = int(self._starts[-1])
        self._shards[-1] = self._map(number)[1]
        self._starts[-1] += len(keys)
        for index, key in enumerate(keys):
            self._appended[key.packed()] = first + index

    def _cut(self, number: int, rows: int) -> None:
        """Cut away what a crash left of a shard beyond its whole rows; the keys first, for they vouch for vectors."""
        for kind, size in (("keys", rows * _KEY.itemsize), ("vectors", rows * self._row_bytes)):
            path = self._path(number, kind)
            if path.stat().st_size != size:
                os.truncate(path, size)

    def _begin_shard(self) -> None:
        number = max(self._numbers, default=-1) + 1
        for kind in ("vectors", "keys"):
            self._path(number, kind).touch()
        sync_folder(self._folder)
        self._numbers.append(number)
        self._shards.append(np.empty((0, self._dimension), np.float16))
        self._starts = np.append(self._starts, self._starts[-1])

    def _drop_leftovers(self) -> None:
        """Delete what crashes left: vectors without keys, files that were never finished."""
        for path in self._folder.glob("[0-9]*.vectors"):
            if not path.with_suffix(".keys").exists():
                path.unlink()
        for path in self._folder.glob(".*.part"):
            path.unlink()

    def _map(self, number: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.float16]]:
        """The records and vectors of a shard, without what a crash left half written."""
        keys = np.fromfile(self._path(number, "keys"), _KEY, self._path(number, "keys").stat().st_size // _KEY.itemsize)
        path = self._path(number, "vectors")
        held = path.stat().st_size // self._row_bytes if path.exists() else 0
        rows = min(len(keys), held)
        if rows == 0:
            return keys[:0], np.empty((0, self._dimension), np.float16)
        vectors = np.memmap(path, np.float16, "r", shape=(rows, self._dimension))
        last = rows
        # A power cut may leave pages of zeros at the end: whole records, wrong content.
        while last and zlib.crc32(vectors[last - 1].tobytes()) != keys["crc"][last - 1]:
            last -= 1
        return keys[:last], vectors[:last]

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number:06d}.{kind}"


def _packed_region(region: Region) -> bytes:
    steps = [round(side * _STEPS) for side in (region.x0, region.y0, region.x1, region.y1)]
    return np.array(steps, "<u2").tobytes()


def _identities(records: npt.NDArray[np.void]) -> Identities:
    """What tells records apart, uint8 [n, 40]."""
    return np.ascontiguousarray(
        np.concatenate([records["sha256"], np.ascontiguousarray(records["region"]).view("u1").reshape(-1, 8)], axis=1)
    )


def _fingerprints(identities: Identities) -> npt.NDArray[np.uint64]:
    """A 64-bit number per identity, uint8 [n, 40]: its image's first bytes folded with its region."""
    if len(identities) == 0:
        return np.empty(0, np.uint64)
    words = np.ascontiguousarray(identities).view("<u8")
    folded: npt.NDArray[np.uint64] = words[:, 0] ^ (words[:, 4] * np.uint64(0x9E3779B97F4A7C15))
    return folded
