"""The feed in a zip archive: its only file, or the only one that has the name of a feed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO, cast

from index.errors import FeedError, FeedIncomplete

_ENDINGS = (".csv", ".tsv", ".txt", ".xml", ".json", ".jsonl", ".ndjson")
_LISTED = 5
# What makes a zip an Excel workbook or an OpenDocument sheet.
_WORKBOOKS = frozenset(("xl/workbook.xml", "content.xml"))


def member_of(path: Path) -> BinaryIO:
    """Open the feed in a zip archive.

    Raises:
        OSError: the archive cannot be read.
        FeedIncomplete: it is cut short or damaged.
        FeedError: it is a workbook, is encrypted, or it is not clear which of its files is the feed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return cast(BinaryIO, archive.open(_chosen(archive, path)))
    except RuntimeError as error:
        raise FeedError(f"{path}: the file in this zip archive is encrypted: unpack it first.") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise FeedIncomplete(f"{path}: the zip archive is cut short or damaged ({error}): fetch it again.") from error


def _chosen(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    files = [one for one in archive.infolist() if not one.is_dir() and not _is_leftover(one.filename)]
    if _WORKBOOKS & {one.filename for one in files}:
        raise FeedError(f"{path}: is a spreadsheet's own file: save the sheet as CSV (UTF-8).")
    feeds = [one for one in files if one.filename.casefold().endswith(_ENDINGS)]
    for found in (files, feeds):
        if len(found) == 1:
            return found[0]
    names = ", ".join(repr(one.filename[:80]) for one in files[:_LISTED]) or "none"
    more = f" and {len(files) - _LISTED} more" if len(files) > _LISTED else ""
    raise FeedError(
        f"{path}: which file in this zip archive is the feed? It has {names}{more}. Unpack it first, and add the feed."
    )


def _is_leftover(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")
