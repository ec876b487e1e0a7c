"""Embeddings kept by image and region under one model, so that none is computed twice.

On disk: pairs of append-only files, NNNNNN.vectors (float16 rows) and NNNNNN.keys (fixed-size records, written after
the vectors they name). Whatever a crash tore off the end is cut away at the next writing; a record carries its
vector's CRC-32, so that damage is noticed.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Vectors
from embedding.regions import Region
from index.durable import sync_folder, write_file
from index.errors import WorkspaceError

SHARD_ROWS = 65_536
_KEY = np.dtype([("sha256", "u1", 32), ("region", "<u2", 4), ("crc", "<u4")])
_STEPS = 65_535


@dataclass(frozen=True)
class VectorKey:
    """Which embedding: an image, by the SHA-256 of its original bytes, and a region of it."""

    sha256: str
    region: Region

    def packed(self) -> bytes:
        """32 bytes of SHA-256, then the region in 1/65535 steps: what tells two embeddings apart."""
        box = (self.region.x0, self.region.y0, self.region.x1, self.region.y1)
        steps = np.array([round(side * _STEPS) for side in box], "<u2")
        return bytes.fromhex(self.sha256) + steps.tobytes()


class VectorStore:
    """The embeddings of one model. One writer at a time (the workspace's lock); any number of readers."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._row_bytes = 2 * dimension
        self._shards: list[npt.NDArray[np.float16]] = []
        keys: list[npt.NDArray[np.void]] = []
        for number in range(self._count_shards()):
            shard_keys, shard = self._map(number)
            keys.append(shard_keys)
            self._shards.append(shard)
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])
        records = np.concatenate(keys) if keys else np.empty(0, _KEY)
        self._crcs = records["crc"].copy()
        self._identities = np.ascontiguousarray(
            np.concatenate([records["sha256"], records["region"].view("u1").reshape(-1, 8)], axis=1)
        )
        prints = _fingerprints(self._identities)
        self._order = np.argsort(prints, kind="stable")
        self._sorted = prints[self._order]
        self._appended: dict[bytes, int] = {}

    @classmethod
    def open(cls, root: Path, card: ModelCard) -> VectorStore:
        """Open, or begin, the embeddings of a model below `root`; the folder's name holds the weights' checksum.

        Raises:
            WorkspaceError: the folder holds vectors of another length.
        """
        folder = root / f"{card.name.replace('/', '--')}-{(card.sha256 or 'unknown')[:12]}"
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / "about.json"
        told = {"model": card.name, "sha256": card.sha256, "dimension": card.dimension, "dtype": "float16"}
        if about.exists():
            kept = json.loads(about.read_text(encoding="utf-8"))
            if kept != told:
                raise WorkspaceError(f"{folder} holds vectors of {kept}, not of {told}: move it away and re-index")
        else:
            write_file(about, json.dumps(told, indent=2).encode())
        return cls(folder, card.dimension)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self, keys: Sequence[VectorKey]) -> npt.NDArray[np.int64]:
        """Where embeddings lie, int64 [n]; -1 for what was never computed."""
        found = np.full(len(keys), -1, np.int64)
        if not keys:
            return found
        packed = [key.packed() for key in keys]
        identities = np.frombuffer(b"".join(packed), np.uint8).reshape(-1, 40)
        prints = _fingerprints(identities)
        starts = np.searchsorted(self._sorted, prints)
        for index, start in enumerate(starts):
            at = int(start)
            while at < len(self._sorted) and self._sorted[at] == prints[index]:
                row = int(self._order[at])
                if np.array_equal(self._identities[row], identities[index]):
                    found[index] = row
                    break
                at += 1
            else:
                found[index] = self._appended.get(packed[index], -1)
        return found

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

    def damaged(self) -> list[int]:
        """Rows whose vector does not fit its checksum; reads everything."""
        bad: list[int] = []
        for start, shard in zip(self._starts, self._shards, strict=False):
            bad += [
                int(start) + row
                for row in range(min(len(shard), len(self._crcs) - int(start)))
                if zlib.crc32(shard[row].tobytes()) != self._crcs[int(start) + row]
            ]
        return bad

    def _write(self, keys: list[VectorKey], vectors: npt.NDArray[np.float16]) -> None:
        number = len(self._shards) - 1
        rows = len(self._shards[-1])
        records = np.empty(len(keys), _KEY)
        for index, key in enumerate(keys):
            packed = np.frombuffer(key.packed(), np.uint8)
            records[index] = (packed[:32], packed[32:].view("<u2"), zlib.crc32(vectors[index].tobytes()))
        for path, size, data in (
            (self._path(number, "vectors"), rows * self._row_bytes, vectors.tobytes()),
            (self._path(number, "keys"), rows * _KEY.itemsize, records.tobytes()),
        ):
            with path.open("r+b") as file:
                file.truncate(size)
                file.seek(size)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        first = int(self._starts[-1])
        self._shards[-1] = self._map(number)[1]
        self._starts[-1] += len(keys)
        self._crcs = np.concatenate([self._crcs, records["crc"]])
        for index, key in enumerate(keys):
            self._appended[key.packed()] = first + index

    def _begin_shard(self) -> None:
        number = len(self._shards)
        for kind in ("vectors", "keys"):
            self._path(number, kind).touch()
        sync_folder(self._folder)
        self._shards.append(np.empty((0, self._dimension), np.float16))
        self._starts = np.append(self._starts, self._starts[-1])

    def _count_shards(self) -> int:
        return len(list(self._folder.glob("[0-9]*.keys")))

    def _map(self, number: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.float16]]:
        """The records and vectors of a shard, without what a crash left half written."""
        keys = np.fromfile(self._path(number, "keys"), _KEY, self._path(number, "keys").stat().st_size // _KEY.itemsize)
        held = self._path(number, "vectors").stat().st_size // self._row_bytes
        rows = min(len(keys), held)
        if rows == 0:
            return keys[:0], np.empty((0, self._dimension), np.float16)
        vectors = np.memmap(self._path(number, "vectors"), np.float16, "r", shape=(rows, self._dimension))
        last = rows
        # A power cut may leave pages of zeros at the end: whole records, wrong content.
        while last and zlib.crc32(vectors[last - 1].tobytes()) != keys["crc"][last - 1]:
            last -= 1
        return keys[:last], vectors[:last]

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number:06d}.{kind}"


def _fingerprints(identities: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """A 64-bit number per identity, uint8 [n, 40]: its image's first bytes folded with its region."""
    if len(identities) == 0:
        return np.empty(0, np.uint64)
    words = np.ascontiguousarray(identities).view("<u8")
    folded: npt.NDArray[np.uint64] = words[:, 0] ^ (words[:, 4] * np.uint64(0x9E3779B97F4A7C15))
    return folded
