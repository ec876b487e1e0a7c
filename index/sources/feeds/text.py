"""Text feeds line by line: lines of bounded length, in the encoding that the feed is found to have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TextIO

from index.sources.feeds.encodings import encoding_of
from index.sources.feeds.feed_file import HEAD_BYTES, FeedFile

LINE_LIMIT = 4_194_304
# What is kept of a line beyond the limit, for the identifier in it.
BEGINNING = 65_536
# How many lines an encoding is found by, where the head of the feed is plain ASCII.
_SAMPLE_LINES = 200
# Lone surrogates: they stand for undecodable bytes, and cannot be encoded again.
SURROGATE = re.compile("[\ud800-\udfff]")
# Declarations and comments may come before the first element.
_ROOT = re.compile(
    r"(?:\s+|<\?[^>]*>|<!--(?:[^-]|-(?!->))*-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>)*<([A-Za-z_][\w.:-]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Line:
    """One physical line with its end; bytes that are not in the encoding are lone surrogates.

    `too_long`: it has over LINE_LIMIT characters; `text` is its beginning.
    """

    number: int
    text: str
    too_long: bool = False


def head_text(head: bytes, encoding: str = "") -> str:
    """Return the head as text, for recognising formats; undecodable bytes are replaced."""
    found = encoding or encoding_of(head, HEAD_BYTES)
    return head.decode(found, errors="replace").removeprefix("\ufeff")


def root_name(head: str) -> str:
    """Return the name of the first element of an XML or HTML text as written, or nothing where there is none."""
    found = _ROOT.match(head)
    return found[1] if found else ""


def root_element(head: str) -> str:
    """Return the lower-case local name of the first element of an XML or HTML text, or nothing where there is none."""
    return root_name(head).rpartition(":")[2].casefold()


def lines(feed: FeedFile) -> Iterator[Line]:
    """Stream a text feed's lines with their ends (LF, CRLF or CR), numbered from 1, a leading byte-order mark removed.

    Where the head of the feed is plain ASCII, the first lines that are not decide the encoding. Raises FeedError,
    FeedIncomplete.
    """
    encoding = feed.text_encoding()
    with feed.open_text("utf-8" if encoding == "ascii" else encoding, newline="") as file:
        numbered = _numbered(file)
        yield from numbered if encoding != "ascii" else _decoded(numbered)


def _numbered(file: TextIO) -> Iterator[Line]:
    number = 0
    while text := file.readline(LINE_LIMIT):
        number += 1
        if number == 1:
            text = text.removeprefix("\ufeff")
        if len(text) >= LINE_LIMIT and text[-1] not in "\r\n":
            while (rest := file.readline(LINE_LIMIT)) and rest[-1] not in "\r\n":
                pass
            yield Line(number, text[:BEGINNING], too_long=True)
        else:
            yield Line(number, text)


def _decoded(numbered: Iterator[Line]) -> Iterator[Line]:
    """Lines that were read as UTF-8, in the encoding that the first of them which are not ASCII turn out to have."""
    for line in numbered:
        if line.text.isascii():
            yield line
            continue
        sample = [line, *islice(numbered, _SAMPLE_LINES)]
        encoding = encoding_of(b"".join(_bytes(one.text) for one in sample))
        for one in chain(sample, numbered):
            if encoding == "utf-8" or one.text.isascii():
                yield one
            else:
                yield Line(one.number, _bytes(one.text).decode(encoding, "surrogateescape"), one.too_long)
        return


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
