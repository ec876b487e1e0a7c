"""What workers computed and the committer has not stored yet: shards of results, named by the SHA-256 of their content.

A shard has a line of JSON, with the key of each item, the length of its result, and the reason and message where it has
none; then the results. It is written at once or not at all, and verified when it is read. Two workers that compute the
same write the same object.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from embedding.errors import ImageRefused
from index.stores.objects.protocol import ObjectMissing, ObjectStore
from index.workers.protocol import Batch, Done, Item, Stage

STAGING = "staging"


@dataclass(frozen=True)
class Staging:
    """The shards of a workspace, below the key `staging`."""

    objects: ObjectStore

    def write(self, stage: Stage[Item, Done], batch: Batch[Item, Done]) -> str:
        """Stage a batch; returns the key of its shard."""
        entries: list[tuple[str, int, str, str]] = []
        content = bytearray()
        for item, done in batch:
            if isinstance(done, ImageRefused):
                entries.append((stage.key(item), 0, done.reason, str(done)))
            else:
                packed = stage.pack(done)
                entries.append((stage.key(item), len(packed), "", ""))
                content += packed
        data = json.dumps(entries).encode() + b"\n" + bytes(content)
        key = f"{STAGING}/{stage.name}/{hashlib.sha256(data).hexdigest()}"
        self.objects.put(key, data)
        return key

    def read(self, stage: Stage[Item, Done], key: str) -> dict[str, Done | ImageRefused]:
        """The results of a shard by the keys of their items; empty if it is missing or damaged."""
        try:
            data = self.objects.get(key)
        except ObjectMissing:
            return {}
        if hashlib.sha256(data).hexdigest() != key.rpartition("/")[2]:
            return {}
        head, _, content = data.partition(b"\n")
        found: dict[str, Done | ImageRefused] = {}
        start = 0
        for item, length, reason, message in json.loads(head):
            found[item] = ImageRefused(reason, message) if reason else stage.unpack(content[start : start + length])
            start += length
        return found

    def left(self, stage: Stage[Item, Done]) -> Mapping[str, str]:
        """What earlier runs staged and did not store: the shard of each item, both by their keys."""
        keys = sorted(info.key for info in self.objects.list_objects(f"{STAGING}/{stage.name}"))
        return {item: key for key in keys for item in self.read(stage, key)}

    def clear(self) -> None:
        """Delete everything that is staged."""
        self.objects.delete([info.key for info in self.objects.list_objects(STAGING)])
