"""WebDataset shards as img2dataset writes them: `NNNNNNNNN.jpg`, `.txt` and `.json` side by side in tar files.

Pictures stay in the tar; a row names them `SHARD.tar#MEMBER`, which `pictures.read_picture` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO

from index.errors import FeedError
from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds import json_items
from index.sources.feeds.folder import is_picture_name
from index.sources.feeds.nested import row_of
from index.sources.feeds.references import names_pictures
from index.sources.feeds.tar_members import DamagedTar, Member, members

_TEXT_LIMIT = 65_536
_JSON_LIMIT = 1_048_576
# Members of one sample; more than this under one name is no sample.
_SAMPLE_LIMIT = 100


class WebDatasetReader:
    """Reads a tar shard, or a folder of shards in sorted order; a sample is a row."""

    format = "webdataset"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Tell a tar by its magic number, a folder by the shards in it."""
        if path.is_dir():
            return bool(_shards(path))
        return head[257:262] == b"ustar"

    def columns(self, path: Path) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each sample names its own."""
        return None

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream the samples by ordinal over all shards. A shard damaged midway is read up to there."""
        shards = _shards(path) if path.is_dir() else [path]
        if not shards:
            raise FeedError(f"{path}: no .tar shards in this folder.")
        number = 0
        for shard in shards:
            damage: list[Refusal] = []
            try:
                with shard.open("rb") as file:
                    # WebDataset's rule: a sample's members follow each other and share the name up to the first dot.
                    for key, group in groupby(_readable(shard, damage), key=_key):
                        number += 1
                        yield _sample(shard, file, key, group, number)
            except OSError as error:
                yield Refusal(str(shard), "unreadable", f"the shard cannot be read: {error.strerror}")
            yield from damage


def _readable(shard: Path, damage: list[Refusal]) -> Iterator[Member]:
    """Stream the members up to a damage, which is noted: the sample before it is whole."""
    try:
        yield from members(shard)
    except DamagedTar as error:
        damage.append(Refusal(str(shard), "damaged", f"the tar cannot be read to its end: {error}"))


def _shards(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.tar") if not path.name.startswith(".") and path.is_file())


def _key(member: Member) -> str:
    folder, slash, name = member.name.rpartition("/")
    return folder + slash + (name.partition(".")[0] or name)


def _sample(shard: Path, file: BinaryIO, key: str, group: Iterator[Member], number: int) -> FeedRow | Refusal:
    where = f"{shard}#{key}"
    absolute = shard.absolute()
    fields: dict[str, object] = {}
    pictures = []
    for member in islice(group, _SAMPLE_LIMIT):
        if member.name.startswith("/") or ".." in member.name.split("/"):
            return Refusal(where, "bad-member-name", f"{member.name[:80]!r} points out of the shard")
        if is_picture_name(member.name):
            pictures.append(f"{absolute}#{member.name}")
            continue
        ending = member.name[member.name.rfind(".") :].casefold()
        limit = {".json": _JSON_LIMIT, ".txt": _TEXT_LIMIT}.get(ending)
        if limit is None:
            continue
        if member.size > limit:
            return Refusal(where, "field-too-long", f"{member.name} has {member.size} bytes, {limit} are allowed")
        file.seek(member.offset)
        written = file.read(member.size)
        try:
            if ending == ".txt":
                fields["caption"] = written.decode("utf-8-sig")
                continue
            value = json_items.decode(written.decode("utf-8-sig"))
        except UnicodeDecodeError:
            return Refusal(where, "bad-encoding", f"{member.name} is not valid UTF-8")
        except ValueError as error:
            return Refusal(where, "bad-json", f"{member.name} is not JSON: {error}")
        if not isinstance(value, dict):
            return Refusal(where, "not-an-object", f"{member.name} holds no object {{...}}")
        # The pictures are those in the shard; `url` is where img2dataset had them from, not the product's page.
        fields.update((name, one) for name, one in value.items() if not names_pictures(name) and name != "url")
    fields.setdefault("key", key)
    row = row_of(fields, number, where)
    return replace(row, pictures=tuple(pictures))
