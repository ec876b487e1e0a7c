"""The items of a list in a JSON document, one at a time: a broken one is reported and the rest is read.

Streaming parsers abandon the document at the first syntax error; here the items are parsed one by one with the
standard library's decoder, and a broken item is skipped where its brackets still pair up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from index.errors import FeedError, FeedIncomplete
from index.sources.feeds.feed_file import FeedFile

ITEM_LIMIT = 4_194_304
# What is kept of a broken item, for the identifier in it.
_BEGINNING = 65_536
_CHUNK = 65_536
_BLANK = re.compile(r"[\s,]*")
# A string cannot span lines: `open` is empty where its quote does not close.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*(?P<open>"?)|[{}\[\]]')


@dataclass(frozen=True)
class Item:
    """One item: its ordinal from 1, the line it begins on, and its value or, in `broken`, what is wrong with it.

    `raw` is the beginning of a broken item as written.
    """

    number: int
    line: int
    value: object = None
    broken: str = ""
    raw: str = ""


def decode(document: str, strict: bool = True) -> object:
    """Return a JSON text's value, numbers as written (as text). Raises ValueError, for deep nesting too.

    Not `strict` lets line breaks and tabs stand in texts, as they do on web pages.
    """
    try:
        return (_DECODER if strict else _LENIENT).decode(document)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda _: None)
_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda _: None, strict=False)


def items(feed: FeedFile) -> Iterator[Item]:
    """Stream the items of a document that is a list, or an object with a list of objects among its values.

    Where several documents follow one another, those of all. Memory stays within a few times ITEM_LIMIT.

    Raises:
        FeedError: there is no such list.
        FeedIncomplete: after the items: the list, or the object around it, does not end.
    """
    encoding = feed.text_encoding()
    with feed.open_text("utf-8" if encoding == "ascii" else encoding) as file:
        window = _Window(file)
        number = 0
        while True:
            around = _enter(window)
            if around is None:
                if number:
                    break  # what follows the last document is no document
                raise FeedError(
                    f'{feed}: no list of objects in this JSON. Give [{{...}}, ...] or {{"products": [...]}}.'
                )
            for item in _listed(window, number):
                number = item.number
                yield item
            if not _leave(window, around):
                raise FeedIncomplete(
                    f"{feed}:{window.line()}: the JSON ends before its closing brackets: fetch it again."
                )
            if window.peek() not in ("[", "{"):
                break


_PAIR = re.compile(r'"([^"\\]{1,200})"\s*:\s*(?:("(?:[^"\\\n]|\\.)*")|(-?\d[\w.+-]*)\s*[,}\]\n])')


def pairs(raw: str) -> tuple[tuple[str, str], ...]:
    """The names and plain values, texts and numbers, that can be made out in a broken object, as it is written."""
    found = []
    for name, quoted, number in _PAIR.findall(raw):
        try:
            value = decode(quoted, strict=False) if quoted else number
        except ValueError:
            continue
        found.append((name, str(value)))
    return tuple(found)


class _Window:
    """The part of the document that is in memory, and the place in it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._line = 1
        self._counted = 0
        self.text = ""
        self.at = 0
        self.lost = False
        self.skipped = ""
        self.extend()
        self.text = self.text.removeprefix("\ufeff")

    def extend(self) -> bool:
        """Read on, doubling what is ahead, and forget what lies behind. Return False at the document's end."""
        # The beginning of the line stays, for its indentation.
        behind = max(self.text.rfind("\n", 0, self.at), self.at - 200, 0)
        self.line()
        self.text, self.at = self.text[behind:], self.at - behind
        self._counted -= behind
        more = self._file.read(max(_CHUNK, len(self.text)))
        self.text += more
        return bool(more)

    def line(self) -> int:
        """Return the number of the line that the place is on."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def peek(self) -> str:
        """Step over blanks and commas, and return the character that follows, or nothing at the end."""
        while True:
            found = _BLANK.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.extend():
                return ""

    def value(self) -> object:
        """Decode the value here and step over it. Raises ValueError and steps over it where that can be done.

        A value without a visible end leaves `lost` set: nothing after it can be read.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
                # A number may go on behind the text that is in memory.
                if end == len(self.text) and self.text[end - 1] not in '}]"' and self.extend():
                    continue
                self.at = end
                return value
            except (ValueError, RecursionError) as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
                extent = self._extent()
                if extent is None and len(self.text) - self.at < ITEM_LIMIT and self.extend():
                    continue
                self.skipped = self.text[self.at : min(extent or len(self.text), self.at + _BEGINNING)]
                if extent is None:
                    self.at = len(self.text)
                    self.lost = True
                    reason += "; it does not end, and nothing after it can be read"
                else:
                    self.at = extent
                raise ValueError(reason) from None

    def _extent(self) -> int | None:
        """Return where the value here ends by its brackets, or None where that is not to be seen yet."""
        depth = 0
        for token in _TOKEN.finditer(self.text, self.at):
            mark = token[0]
            if mark in "{[":
                depth += 1
            elif mark in "}]":
                depth -= 1
                if depth <= 0:
                    # A closing bracket that nothing opened belongs to the list around.
                    return token.end() if depth == 0 else max(token.start(), self.at + 1)
            elif not token["open"] and token.end() < len(self.text):
                return self._next_alike(token.end())
        return None

    def _next_alike(self, after: int) -> int | None:
        """Return where the next object begins a line with the same indentation as this one, quotes having failed."""
        start = self.text.rfind("\n", 0, self.at) + 1
        indentation = self.text[start : self.at]
        if indentation.strip():
            return None
        found = re.compile(rf"\n{re.escape(indentation)}(?=\{{)").search(self.text, after)
        return found.end() if found else None


def _enter(window: _Window) -> str | None:
    """Go to the first item of the document's list; return what has to be closed after it, None where there is none."""
    if (opening := window.peek()) != "{":
        window.at += opening == "["
        return "]" if opening == "[" else None
    window.at += 1
    while window.peek() == '"':
        try:
            window.value()
            if window.peek() != ":":
                return None
            window.at += 1
            if window.peek() == "[":
                window.at += 1
                if window.peek() in ("{", "]"):
                    return "]}"
                window.at -= 1
                while window.peek() not in ("", "]"):
                    window.value()
                window.at += 1
            else:
                window.value()
        except ValueError:
            return None
    return None


def _listed(window: _Window, number: int) -> Iterator[Item]:
    """The items of a list up to its bracket, or to where nothing more can be read; numbered after `number`."""
    while window.peek() not in ("]", ""):
        number += 1
        line = window.line()
        try:
            yield Item(number, line, window.value())
        except ValueError as error:
            yield Item(number, line, broken=str(error), raw=window.skipped)
            if window.lost:
                return


def _leave(window: _Window, around: str) -> bool:
    """Step over the end of the list and what follows it in its object; whether all of it ended."""
    if window.lost or window.peek() != "]":
        return False
    window.at += 1
    if around == "]":
        return True
    while (following := window.peek()) != "}":
        if not following or window.lost:
            return False
        if following == ":":
            window.at += 1
        else:
            with suppress(ValueError):
                window.value()
    window.at += 1
    return True
