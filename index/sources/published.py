"""What curators publish here: for each authority a publication list and its crops, kept in the workspace.

    published/<authority>/objects.json   the list, as index/feeds reads any authority's
    published/<authority>/<sha256>.jpg   a crop's normalised copy, named by its own bytes

Each list is an ordinary source of the collection `objects`: what is published here enters the catalogue by the way that
everything else takes. Whoever writes holds the workspace's lock.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from index.errors import QueryInvalid, UnknownEntry, WorkspaceError
from index.records.catalogue import Catalogue
from index.records.feed_records import FeedRow, ObjectRecord, Refusal
from index.sources.feeds.details import LEFT_EMPTY
from index.sources.feeds.mapping import published_object
from index.sources.feeds.open_feed import read_objects
from index.stores.durable import sync_folder, write_file
from index.workspace import Workspace

LIST, FORMAT, CROP = "objects.json", "jsonl", ".jpg"
# A folder's name may have 255 bytes.
_NAME_LIMIT = 60
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PublicationList:
    """One authority's list and the crops beside it."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / LIST

    @property
    def source(self) -> str:
        """The name of the source that reads it."""
        return f"published/{self.folder.name}"

    def records(self) -> list[ObjectRecord]:
        """The objects of the list, as every reading of it finds them.

        Raises:
            WorkspaceError, FeedError: it cannot be read whole; to write it anew would lose something.
        """
        if not self.file.exists():
            return []
        found = []
        for record in read_objects(self.file, FORMAT):
            if isinstance(record, Refusal):
                raise WorkspaceError(f"{record.where}: {record.message}: mend this list, or restore it from a backup")
            found.append(record)
        return found

    def keep(self, record: ObjectRecord, copies: Sequence[bytes]) -> ObjectRecord:
        """Write an object's crops beside the list; the object with them."""
        paths = tuple(self.folder / f"{hashlib.sha256(copy).hexdigest()}{CROP}" for copy in copies)
        for path, copy in zip(paths, copies, strict=True):
            write_file(path, copy)
        return replace(record, pictures=tuple(map(str, dict.fromkeys(paths))))

    def write(self, records: Sequence[ObjectRecord]) -> None:
        """Replace the list; crops that no object of it shows any more are deleted."""
        rows = [{**texts_of(record), "crops": list(_crops(record))} for record in records]
        write_file(self.file, json.dumps(rows, ensure_ascii=False, indent=1).encode())
        shown = {LIST, *(name for record in records for name in _crops(record))}
        for path in self.folder.iterdir():
            if path.name not in shown:
                path.unlink()
        sync_folder(self.folder)


def lists(workspace: Workspace) -> list[PublicationList]:
    """Every list, by its folder's name."""
    return [PublicationList(path.parent) for path in sorted(workspace.published.glob(f"*/{LIST}"))]


def list_of(workspace: Workspace, authority: str) -> PublicationList:
    """The list of an authority, which may not be there yet.

    Raises:
        QueryInvalid: the name has no letter or digit, or another spelling of it has a list.
    """
    name = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", authority).casefold()).strip("-")[:_NAME_LIMIT]
    if not name:
        raise QueryInvalid("authority is missing: who publishes the object?")
    found = PublicationList(workspace.published / name)
    if spelled := next((record.authority for record in found.records() if record.authority != authority), None):
        raise QueryInvalid(f"{spelled!r} publishes here already: write {authority[:80]!r} as it is written there")
    return found


def register(workspace: Workspace, catalogue: Catalogue, listed: PublicationList) -> None:
    """See that a list is there, and that a source reads it where it is: a restored workspace may lie elsewhere."""
    if not listed.file.exists():
        listed.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(workspace.root)
        sync_folder(workspace.published)
        listed.write(())
    sources = {(source.collection, source.name): source.location for source in catalogue.sources()}
    if sources.get(("objects", listed.source)) != str(listed.file):
        catalogue.add_source(listed.source, "objects", str(listed.file), FORMAT)


def record_of(fields: Mapping[str, str]) -> ObjectRecord:
    """The object with these fields, by the names of ObjectRecord, as a list would give it; it has no crops yet.

    Raises:
        QueryInvalid: a field cannot be what it is.
    """
    record, *notes = published_object(FeedRow(0, fields, ("to come",)), Path("/"), LIST)
    if isinstance(record, Refusal):
        raise QueryInvalid(record.message)
    if notes:
        messages = (note.message for note in notes if isinstance(note, Refusal))
        raise QueryInvalid("; ".join(message.removesuffix(LEFT_EMPTY) for message in messages))
    return replace(record, pictures=())


def find(workspace: Workspace, authority: str, object_id: str) -> tuple[PublicationList, ObjectRecord]:
    """An object that was published here.

    Raises:
        UnknownEntry: there is none.
    """
    for listed in lists(workspace):
        for record in listed.records():
            if (record.authority, record.object_id) == (authority, object_id):
                return listed, record
    raise UnknownEntry(
        f"no object {object_id[:80]!r} of {authority[:80]!r} was published here; a feed's object is changed in its feed"
    )


def crop(workspace: Workspace, sha256: str) -> bytes:
    """A crop that was published here.

    Raises:
        UnknownEntry: there is none.
    """
    if _SHA256.fullmatch(sha256):
        for path in workspace.published.glob(f"*/{sha256}{CROP}"):
            with suppress(FileNotFoundError):
                return path.read_bytes()
    raise UnknownEntry(f"no crop {sha256[:64]!r} was published here")


def crops_of(record: ObjectRecord) -> tuple[str, ...]:
    """The SHA-256 of an object's crops: what the index will call them."""
    return tuple(name.removesuffix(CROP) for name in _crops(record))


def texts_of(record: ObjectRecord) -> dict[str, str]:
    """An object's fields as a list has them: what `record_of` reads."""
    return {
        "object_id": record.object_id,
        "authority": record.authority,
        "title": record.title,
        "kind": record.kind,
        "country": record.country,
        "published": record.published.isoformat() if record.published else "",
        "status": str(record.status),
        "tip_page": record.tip_page,
        "question": record.question,
        "description": record.description,
        "seen_from": record.seen_from.isoformat() if record.seen_from else "",
        "seen_until": record.seen_until.isoformat() if record.seen_until else "",
        "series": record.series,
        "region": record.region,
    }


def forget_published(workspace: Workspace, source: str, entry_id: str) -> None:
    """Delete an object from its list, or, without an id, an authority's list. May be repeated."""
    # By folder, not by list: a crash may have left crops without their list.
    for listed in map(PublicationList, workspace.published.glob("*")):
        if listed.source != source:
            continue
        if entry_id:
            listed.write([record for record in listed.records() if record.object_id != entry_id])
        else:
            shutil.rmtree(listed.folder)
            sync_folder(workspace.published)


def _crops(record: ObjectRecord) -> tuple[str, ...]:
    return tuple(Path(picture).name for picture in record.pictures)
