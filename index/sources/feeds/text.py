"""Text feeds line by line: encoding found by content, lines of bounded length, damaged bytes confined to their line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from index.errors import FeedError

HEAD_BYTES = 65_536
LINE_LIMIT = 1_048_576
# Lone surrogates: they stand for undecodable bytes, and cannot be encoded again.
SURROGATE = re.compile("[\ud800-\udfff]")
# Declarations and comments may come before the first element.
_ROOT = re.compile(
    r"(?:\s+|<\?[^>]*>|<!--(?:[^-]|-(?!->))*-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>)*<([A-Za-z_][\w.:-]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Line:
    """One physical line with its end. `broken` is the reason word and message where it cannot be used."""

    number: int
    text: str
    broken: tuple[str, str] | None = None


def read_head(path: Path) -> bytes:
    """Return the first HEAD_BYTES of a file. Raises FeedError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise FeedError(f"{path}: cannot be read: {error.strerror}. Check the path and its permissions.") from error


def encoding_of(head: bytes) -> str:
    """Return "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-8", or "ascii" for a head without other bytes.

    It is cp1252 where no line of the head that has non-ASCII bytes is valid UTF-8: text in another encoding forms
    valid UTF-8 by accident practically never, so one valid line means UTF-8 with some broken lines.
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) >= 4 and head[1] == 0 and head[3] == 0 and head[0] and head[2]:
        return "utf-16-le"
    if len(head) >= 4 and head[0] == 0 and head[2] == 0 and head[1] and head[3]:
        return "utf-16-be"
    foreign = False
    lines = head.split(b"\n")
    if len(head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()  # the cut may go through a character
    for line in lines:
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            foreign = True
        else:
            return "utf-8"
    return "cp1252" if foreign else "ascii"


def head_text(head: bytes) -> str:
    """Return the head as text, for recognising formats; undecodable bytes are replaced."""
    return head.decode(encoding_of(head), errors="replace").removeprefix("\ufeff")


def root_element(head: str) -> str:
    """Return the lower-case local name of the first element of an XML or HTML text, or nothing where there is none."""
    found = _ROOT.match(head)
    return found[1].rpartition(":")[2].casefold() if found else ""


def lines(path: Path) -> Iterator[Line]:
    """Stream a text file's lines with their ends (LF, CRLF or CR), numbered from 1, a leading byte-order mark removed.

    A line is broken where it is longer than LINE_LIMIT characters ("line-too-long", its text cut), holds a NUL
    ("nul-byte") or bytes that are not in the file's encoding ("bad-encoding"). In a file that was ASCII as far as
    its head goes, the first line that is not decides between UTF-8 and cp1252. Raises FeedError.
    """
    encoding = encoding_of(read_head(path))
    wide = encoding.startswith("utf-16")
    try:
        # Surrogate escapes keep broken bytes, so that one line can be read again as cp1252 or refused alone.
        with path.open(
            encoding=encoding if wide else "utf-8", errors="replace" if wide else "surrogateescape", newline=""
        ) as file:
            number = 0
            while text := file.readline(LINE_LIMIT):
                number += 1
                if number == 1:
                    text = text.removeprefix("\ufeff")
                if len(text) >= LINE_LIMIT and text[-1] not in "\r\n":
                    while (rest := file.readline(LINE_LIMIT)) and rest[-1] not in "\r\n":
                        pass
                    yield Line(number, text[:200], ("line-too-long", f"the line has over {LINE_LIMIT} characters"))
                    continue
                broken = None
                if not text.isascii() and not wide:
                    if encoding == "ascii":
                        encoding = "cp1252" if SURROGATE.search(text) else "utf-8"
                    text, broken = _decoded(text, encoding)
                elif wide and "\ufffd" in text:
                    broken = ("bad-encoding", f"the line is not valid {encoding}")
                if "\0" in text:
                    broken = ("nul-byte", "the line contains a NUL character")
                yield Line(number, text, broken)
    except OSError as error:
        raise FeedError(f"{path}: cannot be read: {error.strerror}. Check the disk and start again.") from error


def _decoded(text: str, encoding: str) -> tuple[str, tuple[str, str] | None]:
    if encoding == "cp1252":
        try:
            return text.encode("utf-8", "surrogateescape").decode("cp1252"), None
        except UnicodeDecodeError:
            return text, ("bad-encoding", "the line has bytes that mean nothing in Windows-1252")
    if SURROGATE.search(text):
        return text, ("bad-encoding", "the line is not valid UTF-8")
    return text, None
