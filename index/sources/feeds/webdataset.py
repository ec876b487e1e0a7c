"""WebDataset shards as img2dataset writes them: `NNNNNNNNN.jpg`, `.txt` and `.json` side by side in tar files.

Pictures stay in the tar; a row names them `SHARD.tar#MEMBER`, which `pictures.read_picture` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO

from embedding.image.containers.sniff import SNIFFED_BYTES, is_picture
from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import FeedRow, Refusal, RefusedRow
from index.sources.feeds import json_items
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.folder import ending_of, is_picture_name
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

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Whether a file has a tar's magic number, a folder has shards in it."""
        if feed.is_folder:
            return bool(_shards(feed.path))
        return head[257:262] == b"ustar"

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each sample names its own."""
        return None

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the samples by ordinal over all shards. A damaged shard is read up to the damage.

        Raises:
            FeedError: there are no shards, or the shard is compressed.
            FeedIncomplete: after the samples: a shard is damaged, cannot be read, or does not end as a tar does.
        """
        shards = _shards(feed.path) if feed.is_folder else [feed.path]
        if not shards:
            raise FeedError(f"{feed}: no .tar shards in this folder.")
        if not feed.is_folder and (compression := feed.compression()):
            raise FeedError(
                f"{feed}: a tar inside {compression} is not read, for pictures are read in place: unpack it."
            )
        number = 0
        damage: list[Refusal] = []
        for shard in shards:
            reported = len(damage)
            try:
                with shard.open("rb") as file:
                    # WebDataset's rule: a sample's members follow each other and share the name up to the first dot.
                    for key, group in groupby(_readable(shard, damage), key=_key):
                        number += 1
                        yield _sample(shard, file, key, group, number)
            except OSError as error:
                damage.append(Refusal(str(shard), "unreadable", f"the shard cannot be read: {error.strerror}"))
            yield from damage[reported:]
        if damage:
            raise FeedIncomplete(f"{damage[0].where}: {damage[0].message}: fetch it again.")


def _readable(shard: Path, damage: list[Refusal]) -> Iterator[Member]:
    """Stream the members up to a damage, which is noted: the sample before it is whole."""
    try:
        yield from members(shard)
    except DamagedTar as error:
        damage.append(Refusal(str(shard), "damaged", f"the tar cannot be read to its end: {error}"))


def _shards(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.tar") if not path.name.startswith(".") and not path.is_dir())


def _key(member: Member) -> str:
    folder, slash, name = member.name.rpartition("/")
    return folder + slash + (name.partition(".")[0] or name)


def _sample(shard: Path, file: BinaryIO, key: str, group: Iterator[Member], number: int) -> FeedRow | Refusal:
    where = f"{shard}#{key}"
    absolute = shard.absolute()
    fields: dict[str, object] = {}
    pictures = []
    # A sample without an identifier in its JSON is called by its key.
    cells: tuple[tuple[str, str], ...] = (("key", key),)
    for member in islice(group, _SAMPLE_LIMIT):
        if member.name.startswith("/") or ".." in member.name.split("/"):
            return Refusal(where, "bad-member-name", f"{member.name[:80]!r} points out of the shard")
        ending = ending_of(member.name)
        limit = {".json": _JSON_LIMIT, ".txt": _TEXT_LIMIT}.get(ending)
        if limit is None:
            if is_picture_name(member.name) or _begins_as_picture(file, member):
                pictures.append(f"{absolute}#{member.name}")
            continue
        file.seek(member.offset)
        data = file.read(min(member.size, limit))
        text = data.decode("utf-8-sig", "surrogateescape")
        if ending == ".txt":
            # A caption is optional: one that is too long or not UTF-8 is left empty by whoever reads the fields.
            fields["caption"] = text
            continue
        cells += json_items.pairs(text[:_TEXT_LIMIT])
        if member.size > limit:
            message = f"{member.name} has {member.size} bytes, {limit} are allowed"
            return RefusedRow(where, "field-too-long", message, cells)
        try:
            value = json_items.decode(text)
        except ValueError as error:
            return RefusedRow(where, "bad-json", f"{member.name} is not JSON: {error}", cells)
        if not isinstance(value, dict):
            return RefusedRow(where, "not-an-object", f"{member.name} holds no object {{...}}", cells)
        # The pictures are those in the shard; `url` is where img2dataset had them from, not the product's page.
        fields.update((name, one) for name, one in value.items() if not names_pictures(name) and name != "url")
    fields.setdefault("key", key)
    row = row_of(fields, number, where)
    return replace(row, pictures=tuple(pictures))


def _begins_as_picture(file: BinaryIO, member: Member) -> bool:
    if member.name.rpartition("/")[2].startswith("."):
        return False
    file.seek(member.offset)
    return is_picture(file.read(min(member.size, SNIFFED_BYTES)))
