"""What was read of an object store, kept in memory for a while: pictures and local features come up again and again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from index.stores.objects.protocol import ObjectInfo, ObjectRange, ObjectStore

# Forgotten pictures leave the memory of other servers within that time.
KEEP_SECONDS = 600
MAX_BYTES = 256_000_000
# Larger ones, tables and engines, are read once.
_LARGEST = 1_000_000
_WHOLE = -1


class CachedObjects:
    """An object store whose small reads are kept for ten minutes, up to 256 MB; what came first leaves first."""

    def __init__(self, objects: ObjectStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._clock = objects, clock
        self._kept: OrderedDict[ObjectRange, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[CachedObjects], tuple[ObjectStore]]:
        return type(self), (self._objects,)

    @property
    def name(self) -> str:
        return self._objects.name

    @property
    def appendable(self) -> Path | None:
        return self._objects.appendable

    def get(self, key: str) -> bytes:
        whole = ObjectRange(key, 0, _WHOLE)
        found = self._find(whole)
        if found is None:
            found = self._objects.get(key)
            self._keep({whole: found})
        return found

    def get_ranges(self, ranges: Sequence[ObjectRange]) -> list[bytes]:
        found = {each: data for each in ranges if (data := self._find(each)) is not None}
        missing = [each for each in dict.fromkeys(ranges) if each not in found]
        read = dict(zip(missing, self._objects.get_ranges(missing), strict=True))
        self._keep(read)
        return [found[each] if each in found else read[each] for each in ranges]

    def get_version(self, key: str) -> tuple[bytes, str]:
        return self._objects.get_version(key)

    def put(self, key: str, data: bytes) -> None:
        self._objects.put(key, data)
        self._drop({key})

    def replace(self, key: str, data: bytes, version: str | None) -> str:
        replaced = self._objects.replace(key, data, version)
        self._drop({key})
        return replaced

    def exists(self, key: str) -> bool:
        return self._objects.exists(key)

    def list_objects(self, folder: str = "") -> Iterator[ObjectInfo]:
        return self._objects.list_objects(folder)

    def delete(self, keys: Iterable[str]) -> None:
        deleted = list(keys)
        self._drop(set(deleted))
        self._objects.delete(deleted)
        # Another thread may have read it in between.
        self._drop(set(deleted))

    def upload(self, path: Path, key: str) -> None:
        self._objects.upload(path, key)
        self._drop({key})

    def download(self, key: str, path: Path) -> None:
        self._objects.download(key, path)

    def _find(self, part: ObjectRange) -> bytes | None:
        with self._lock:
            self._expire()
            kept = self._kept.get(part)
        return None if kept is None else kept[1]

    def _keep(self, read: dict[ObjectRange, bytes]) -> None:
        with self._lock:
            now = self._clock()
            for part, data in read.items():
                if len(data) <= _LARGEST and part not in self._kept:
                    self._kept[part] = (now, data)
                    self._bytes += len(data)
            self._expire()

    def _expire(self) -> None:
        """Forget what is too old, and the oldest while there is too much."""
        oldest = self._clock() - KEEP_SECONDS
        while self._kept and (self._bytes > MAX_BYTES or next(iter(self._kept.values()))[0] < oldest):
            _, (_, data) = self._kept.popitem(last=False)
            self._bytes -= len(data)

    def _drop(self, keys: set[str]) -> None:
        with self._lock:
            for part in [part for part in self._kept if part.key in keys]:
                self._bytes -= len(self._kept.pop(part)[1])
