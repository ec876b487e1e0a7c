"""A folder of pictures as a feed.

The rule, for whoever lays out the folder:
- a picture that lies directly in the feed's folder, or beside subfolders, is a product of its own;
- a subfolder that holds pictures and no subfolders is one product with all of them, named by its path:
  `Umbra/desk-lamp/1.jpg` and `Umbra/desk-lamp/2.jpg` are the product `Umbra/desk-lamp`;
- a subfolder with more than PRODUCT_PICTURES pictures is a category, and each picture is a product of its own.
The title is the last part of the name, the category the folders above it.

A picture is a file with a picture's ending, or one that begins as a picture does. Other files are listed by their
endings, but for hidden ones and those that systems leave behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from embedding.image.containers.sniff import SNIFFED_BYTES, is_picture
from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds.feed_file import FeedFile

# No shop shows a product from more sides than this; a folder with more is a collection of products.
PRODUCT_PICTURES = 32
_ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".png", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".avif", ".heic", ".heif", ".hif"),
    )
)
# Folders and files that systems leave behind: resource forks, thumbnails.
_LEFTOVERS = frozenset(
    ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "Thumbs.db", "ehthumbs.db", "desktop.ini")
)
# How many files of one ending are named where they are listed.
_NAMED = 3


def is_picture_name(name: str) -> bool:
    """Whether a file name has the ending of a picture; hidden files never have."""
    return not name.rpartition("/")[2].startswith(".") and ending_of(name) in _ENDINGS


def ending_of(name: str) -> str:
    """The ending of a file's name in small letters, with its dot; empty where it has none."""
    last = name.rpartition("/")[2]
    return last[last.rfind(".") :].casefold() if "." in last else ""


class FolderReader:
    """Reads a tree of picture files in sorted order."""

    format = "folder"

    def recognises(self, feed: FeedFile, head: bytes) -> bool:  # noqa: ARG002
        """Whether the path is a folder; feeds in folders are recognised by the readers before this one."""
        return feed.is_folder

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return the columns that every row has."""
        return ("id", "title", "category", "path")

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream one row a product.

        Raises:
            FeedError: the path is no folder or holds no pictures.
            FeedIncomplete: after the rows: a folder in it cannot be listed, or a link leads nowhere.
        """
        if not feed.is_folder:
            raise FeedError(f"{feed}: is not a folder. Give a folder of pictures, or name the feed's format.")
        tree = _Tree(feed.path)
        number = 0
        for found in tree.products():
            if isinstance(found, Refusal):
                yield found
                continue
            number += 1
            yield _row(found, number, feed.path)
        yield from tree.left_out()
        if tree.unreadable:
            raise FeedIncomplete(f"{feed}: not all of it can be listed: {tree.unreadable[0].message}.")
        if not number:
            kinds = " ".join(sorted(_ENDINGS))
            raise FeedError(f"{feed}: no pictures in this folder. Their names end in {kinds}.")


def _row(found: tuple[str, list[str]], number: int, root: Path) -> FeedRow:
    name, pictures = found
    relative = PurePosixPath(name)
    title = relative.stem if len(pictures) == 1 and pictures[0] == str(root / name) else relative.name
    category = "" if relative.parent == PurePosixPath(".") else str(relative.parent)
    fields = {"id": name, "title": title.replace("_", " ").replace("-", " "), "category": category}
    return FeedRow(number, fields, tuple(str(Path(picture).absolute()) for picture in pictures), str(root / name))


class _Tree:
    """A walk through a folder. `unreadable`: what could not be listed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._others: dict[str, list[str]] = {}
        self.unreadable: list[Refusal] = []

    def products(self) -> Iterator[tuple[str, list[str]] | Refusal]:
        """Yield each product's name, relative to the root, with the paths of its pictures."""
        waiting = [self._root]
        visited: set[tuple[int, int]] = set()
        while waiting:
            folder = waiting.pop()
            try:
                known = folder.stat()
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                yield self._lost(str(folder), f"the folder {str(folder)!r} cannot be listed: {error.strerror}")
                continue
            # A folder counts once, whatever links lead to it, so that a loop of links ends.
            if (known.st_dev, known.st_ino) in visited:
                continue
            visited.add((known.st_dev, known.st_ino))
            pictures, subfolders = [], []
            for entry in entries:
                kind = self._kind(entry)
                if isinstance(kind, Refusal):
                    yield kind
                elif kind == "folder":
                    subfolders.append(Path(entry.path))
                elif kind == "picture":
                    pictures.append(entry.path)
            if folder != self._root and pictures and not subfolders and len(pictures) <= PRODUCT_PICTURES:
                yield folder.relative_to(self._root).as_posix(), pictures
            else:
                for picture in pictures:
                    yield Path(picture).relative_to(self._root).as_posix(), [picture]
            waiting.extend(reversed(subfolders))

    def left_out(self) -> Iterator[Refusal]:
        """A refusal for each ending of files that are no pictures."""
        for ending, paths in sorted(self._others.items()):
            names = ", ".join(os.path.relpath(path, self._root) for path in paths[:_NAMED])
            more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
            kind = f"ending in {ending}" if ending else "without an ending"
            message = f"files {kind} are no pictures that are read here, and were left out: {names}{more}"
            yield Refusal(str(self._root), "not-a-picture", message)

    def _kind(self, entry: os.DirEntry[str]) -> str | Refusal:
        """ "folder", "picture" or "" for what an entry of a folder is, or why it cannot be used."""
        if entry.name.startswith(".") or entry.name in _LEFTOVERS:
            return ""
        if not entry.name.isascii() and not _storable(entry.name):
            return Refusal(ascii(entry.path), "bad-file-name", "the file name is not valid UTF-8: rename it")
        try:
            if entry.is_dir():
                return "folder"
            if not entry.is_file():
                if entry.is_symlink():
                    return self._lost(entry.path, f"the link {entry.path!r} leads nowhere")
                return ""
        except OSError as error:
            return self._lost(entry.path, f"{entry.path!r} cannot be examined: {error.strerror}")
        if is_picture_name(entry.name) or _begins_as_picture(entry.path):
            return "picture"
        self._others.setdefault(ending_of(entry.name), []).append(entry.path)
        return ""

    def _lost(self, path: str, message: str) -> Refusal:
        self.unreadable.append(Refusal(path, "unreadable", message))
        return self.unreadable[-1]


def _begins_as_picture(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path for each would cost as much as the read
            return is_picture(file.read(SNIFFED_BYTES))
    except OSError:
        return False


def _storable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
