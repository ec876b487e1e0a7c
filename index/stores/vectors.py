"""Embeddings stored by image and region under one model, as float16."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Self

import numpy as np

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Vectors
from embedding.image.regions import Region
from index.errors import WorkspaceError
from index.stores.objects.protocol import ObjectMissing, ObjectStore
from index.stores.row_keys import Identities, RowKey, RowNumbers
from index.stores.rows import StoredRows, open_rows

FOLDER = "vectors"
_ABOUT = "about.json"


class VectorStore:
    """The embeddings of one model. One writer at a time (the workspace's lock); any number of readers."""

    def __init__(self, objects: ObjectStore, folder: str, dimension: int) -> None:
        self._rows: StoredRows = open_rows(objects, folder, "vectors", np.float16, dimension)

    @classmethod
    def open(cls, objects: ObjectStore, card: ModelCard) -> Self:
        """Open, or create, the store of a model; the weights' checksum is part of its folder's name.

        Raises:
            WorkspaceError: the folder has the vectors of another model.
        """
        folder = f"{FOLDER}/{folder_of(card)}"
        about = f"{folder}/{_ABOUT}"
        description = {"model": card.name, "sha256": card.sha256, "dimension": card.dimension, "dtype": "float16"}
        try:
            stored = json.loads(objects.get(about))
        except ObjectMissing:
            objects.put(about, json.dumps(description, indent=2).encode())
            stored = description
        if stored != description:
            raise WorkspaceError(
                f"{objects.name}: {folder} holds vectors of {stored}, not of {description}: move it away and re-index"
            )
        return cls(objects, folder, card.dimension)

    @classmethod
    def all(cls, objects: ObjectStore) -> Iterator[Self]:
        """Open the embeddings of every model that was ever used."""
        for about in sorted(key for key, _ in objects.list_objects(FOLDER) if key.endswith(f"/{_ABOUT}")):
            yield cls(objects, about.removesuffix(f"/{_ABOUT}"), json.loads(objects.get(about))["dimension"])

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, keys: Sequence[RowKey]) -> RowNumbers:
        """The rows of embeddings, int64 [n]; -1 for those that are not stored."""
        return self._rows.rows(keys)

    def rows_of(self, images: Sequence[str], region: Region) -> RowNumbers:
        """The rows of the embeddings of one region of many images, as in `rows`."""
        return self._rows.rows_of(images, region)

    def get(self, rows: RowNumbers) -> Vectors:
        """The embeddings of rows, float32 [n, dimension], normalised again after their storage as float16."""
        vectors: Vectors = self._rows.get(rows).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.maximum(lengths, np.float32(1e-12))
        return vectors

    def append(self, keys: Sequence[RowKey], vectors: Vectors) -> None:
        """Store new embeddings: float32 [n, dimension]. When this returns they survive a power cut.

        Keys that are stored already are skipped.
        """
        self._rows.append(keys, vectors)

    def images(self) -> Identities:
        """The image of every row: the bytes of its SHA-256, uint8 [n, 32]."""
        return self._rows.images()

    def damaged(self) -> list[int]:
        """Rows whose vector does not match its checksum, rising; reads everything."""
        return self._rows.damaged()

    def discard(self, rows: Sequence[int] | RowNumbers) -> None:
        """Delete embeddings, keys and vectors, from the disk; the other rows are renumbered."""
        self._rows.discard(rows)

    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int:
        """Delete the embeddings of images that are not `used`: see StoredRows.discard_unused."""
        return self._rows.discard_unused(used, min_share)


def folder_of(card: ModelCard) -> str:
    """The name of a model's folder, which tells its weights, too."""
    return f"{card.name.replace('/', '--')}-{(card.sha256 or 'unknown')[:12]}"
