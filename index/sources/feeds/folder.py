"""A folder of pictures as a feed.

The rule, for whoever lays out the folder:
- a picture that lies directly in the feed's folder, or beside subfolders, is a product of its own;
- a subfolder that holds pictures and no subfolders is one product with all of them, named by its path:
  `Umbra/desk-lamp/1.jpg` and `Umbra/desk-lamp/2.jpg` are the product `Umbra/desk-lamp`;
- a subfolder with more than PRODUCT_PICTURES pictures is a category, and each picture is a product of its own.
The title is the last part of the name, the category the folders above it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from index.errors import FeedError
from index.records.feed_records import FeedRow, Refusal

# No shop shows a product from more sides than this; a folder with more is a collection of products.
PRODUCT_PICTURES = 32
_ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
        *(".avif", ".heic", ".heif"),
    )
)
# Folders that systems leave behind: resource forks, thumbnails.
_LEFTOVERS = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN"))


def is_picture_name(name: str) -> bool:
    """Whether a file name has the ending of a picture; hidden files never have."""
    last = name.rpartition("/")[2]
    return not last.startswith(".") and last[last.rfind(".") :].casefold() in _ENDINGS


class FolderReader:
    """Reads a tree of picture files in sorted order."""

    format = "folder"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Whether the path is a folder; feeds in folders are recognised by the readers before this one."""
        return path.is_dir()

    def columns(self, path: Path) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return the columns that every row has."""
        return ("id", "title", "category", "path")

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream one row a product. Raises FeedError for a path that is no folder or holds no pictures."""
        if not path.is_dir():
            raise FeedError(f"{path}: is not a folder. Give a folder of pictures, or name the feed's format.")
        number = 0
        for found in _products(path):
            if isinstance(found, Refusal):
                yield found
                continue
            name, pictures = found
            number += 1
            relative = PurePosixPath(name)
            title = relative.stem if len(pictures) == 1 and pictures[0] == str(path / name) else relative.name
            category = "" if relative.parent == PurePosixPath(".") else str(relative.parent)
            fields = {"id": name, "title": title.replace("_", " ").replace("-", " "), "category": category}
            yield FeedRow(
                number, fields, tuple(str(Path(picture).absolute()) for picture in pictures), str(path / name)
            )
        if not number:
            kinds = " ".join(sorted(_ENDINGS))
            raise FeedError(f"{path}: no pictures in this folder. Their names end in {kinds}.")


def _products(root: Path) -> Iterator[tuple[str, list[str]] | Refusal]:
    """Yield each product's name, relative to the root, with the paths of its pictures."""
    waiting = [root]
    visited: set[tuple[int, int]] = set()
    while waiting:
        folder = waiting.pop()
        try:
            known = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Refusal(str(folder), "unreadable", f"the folder cannot be listed: {error.strerror}")
            continue
        # A folder counts once, whatever links lead to it, so that a loop of links ends.
        if (known.st_dev, known.st_ino) in visited:
            continue
        visited.add((known.st_dev, known.st_ino))
        pictures, subfolders = [], []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _LEFTOVERS:
                continue
            if not entry.name.isascii() and not _storable(entry.name):
                yield Refusal(ascii(entry.path), "bad-file-name", "the file name is not valid UTF-8: rename it")
            elif entry.is_dir():
                subfolders.append(Path(entry.path))
            elif is_picture_name(entry.name) and entry.is_file():
                pictures.append(entry.path)
        if folder != root and pictures and not subfolders and len(pictures) <= PRODUCT_PICTURES:
            yield folder.relative_to(root).as_posix(), pictures
        else:
            for picture in pictures:
                yield Path(picture).relative_to(root).as_posix(), [picture]
        waiting.extend(reversed(subfolders))


def _storable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
