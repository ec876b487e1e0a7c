"""Rows of numbers stored by image and region: appended to files of a folder, or packed in an object store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from embedding.image.regions import Region
from index.stores.objects.protocol import ObjectStore
from index.stores.packed import PackedContents
from index.stores.row_keys import Identities, RowKey, RowNumbers, Rows
from index.stores.shards import ShardedRows


class StoredRows(Protocol):
    """Rows of one width and type; see ShardedRows and PackedContents for what each method promises."""

    def __len__(self) -> int: ...
    def rows(self, keys: Sequence[RowKey]) -> RowNumbers: ...
    def rows_of(self, images: Sequence[str], region: Region) -> RowNumbers: ...
    def keys(self, rows: RowNumbers) -> list[RowKey]: ...
    def images(self) -> Identities: ...
    def get(self, rows: RowNumbers) -> Rows: ...
    def is_intact(self, rows: RowNumbers, content: Rows) -> npt.NDArray[np.bool_]: ...
    def is_current(self) -> bool: ...
    def reopened(self) -> StoredRows: ...
    def append(self, keys: Sequence[RowKey], content: Rows) -> None: ...
    def damaged(self) -> list[int]: ...
    def discard(self, rows: Sequence[int] | RowNumbers) -> None: ...
    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int: ...


def open_rows(objects: ObjectStore, folder: str, kind: str, dtype: npt.DTypeLike, width: int) -> StoredRows:
    """The rows of `width` numbers below a folder of an object store; `kind` is the ending of their files."""
    if objects.appendable is not None:
        return ShardedRows(objects.appendable / folder, kind, dtype, width)
    return PackedRows(PackedContents(objects, folder, kind), dtype, width)


class PackedRows:
    """Rows as contents of one length each. A row of another length counts as damaged, and reads as zeros."""

    def __init__(self, contents: PackedContents, dtype: npt.DTypeLike, width: int) -> None:
        self._contents, self._dtype, self._width = contents, np.dtype(dtype), width

    def __len__(self) -> int:
        return len(self._contents)

    def rows(self, keys: Sequence[RowKey]) -> RowNumbers:
        return self._contents.rows(keys)

    def rows_of(self, images: Sequence[str], region: Region) -> RowNumbers:
        return self._contents.rows_of(images, region)

    def keys(self, rows: RowNumbers) -> list[RowKey]:
        return self._contents.keys(rows)

    def images(self) -> Identities:
        return self._contents.images()

    def get(self, rows: RowNumbers) -> Rows:
        found = np.zeros((len(rows), self._width), self._dtype)
        for place, content in enumerate(self._contents.get(rows)):
            if len(content) == self._width * self._dtype.itemsize:
                found[place] = np.frombuffer(content, self._dtype)
        return found

    def is_intact(self, rows: RowNumbers, content: Rows) -> npt.NDArray[np.bool_]:
        return self._contents.is_intact(rows, [row.tobytes() for row in content])

    def is_current(self) -> bool:
        return self._contents.is_current()

    def reopened(self) -> PackedRows:
        return PackedRows(self._contents.reopened(), self._dtype, self._width)

    def append(self, keys: Sequence[RowKey], content: Rows) -> None:
        self._contents.append(keys, [row.tobytes() for row in content.astype(self._dtype)])

    def damaged(self) -> list[int]:
        return self._contents.damaged()

    def discard(self, rows: Sequence[int] | RowNumbers) -> None:
        self._contents.discard(rows)

    def discard_unused(self, used: Collection[str], min_share: float | None = None) -> int:
        return self._contents.discard_unused(used, min_share)
