"""Whether the last line of a feed of lines has its end: one that lost it may be cut, even exactly between two rows."""

from __future__ import annotations

import os

from index.sources.feeds import text
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.jsonl import one_a_line

_CHUNK, _TAIL = 1_048_576, 4


def has_last_line_end(feed: FeedFile, format: str) -> bool:
    """Whether a feed of lines ends with a line end; False of other formats, which mark their ends, and of folders.

    Args:
        format: the reader's name, not "auto".

    Raises:
        FeedError: it cannot be read to its end.
    """
    if feed.is_folder or not _is_of_lines(feed, format):
        return False
    # In UTF-16 the line end's second byte is zero.
    return _tail(feed).rstrip(b"\0").endswith((b"\n", b"\r"))


def _is_of_lines(feed: FeedFile, format: str) -> bool:
    if format not in ("csv", "jsonl", "google"):
        return False
    head = text.head_text(feed.head(), feed.encoding)
    # Google's feeds are XML or tab-separated; JSON may be one document or a line for each row.
    return not head.lstrip().startswith("<") and (format != "jsonl" or one_a_line(head))


def _tail(feed: FeedFile) -> bytes:
    if not feed.compression():
        with feed.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read()
    tail = b""
    with feed.open() as unpacked:
        while chunk := unpacked.read(_CHUNK):
            tail = (tail + chunk)[-_TAIL:]
    return tail
