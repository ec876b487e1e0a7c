"""CSV and its kin: comma, semicolon, tab or bar between the cells, one header line, quotes as Excel writes them."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from index.errors import FeedError
from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds import text
from index.sources.feeds.columns import OBJECT_ID, PRODUCT_ID, known
from index.sources.feeds.references import names_pictures, normal_name, references

DELIMITERS = (",", ";", "\t", "|")
# How far a quoted cell may span lines before its opening quote counts as an error of its first line alone.
SPAN_LINES = 1000
SPAN_CHARACTERS = 262_144
_SEP = re.compile(r'^"?sep=(.)"?\s*$')


class DelimitedReader:
    """Reads CSV, TSV and the like; the delimiter and the encoding are found by content."""

    format = "csv"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Whether the first line is a header with at least an identifier or a picture among several cells."""
        if not head:
            return False
        header = _header_cells(text.head_text(head).splitlines()[:3])[1]
        if len(header) < 2:
            return False
        ids = {*PRODUCT_ID, *OBJECT_ID}
        return any(normal_name(cell) in ids or names_pictures(cell) for cell in header)

    def columns(self, path: Path) -> tuple[str, ...] | None:
        """Return the header's cells. Raises FeedError for a file that is empty or has none."""
        return _open(path)[1]

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream the rows. A quote that never closes costs its own line, not those after it."""
        delimiter, columns, source = _open(path)
        for number, cells in _records(source, delimiter, len(columns), str(path)):
            if isinstance(cells, Refusal):
                yield cells
            elif any(cells):
                fields = dict(zip(columns, cells, strict=True))
                yield FeedRow(number, fields, references(fields))


class _Lines:
    """Lines that can be pushed back: those that a failed record consumed are read again."""

    def __init__(self, source: Iterator[text.Line]) -> None:
        self._source = source
        self._again: deque[text.Line] = deque()
        self.taken: list[text.Line] = []
        self._characters = 0

    def pull(self) -> text.Line | None:
        """Return the next line, which begins a record."""
        line = self._again.popleft() if self._again else next(self._source, None)
        self.taken = []
        self._characters = 0
        return line

    def record(self, first: text.Line) -> Iterator[str]:
        """Give the lines of a record that begins with `first` for as long as one may run on."""
        line: text.Line | None = first
        while line is not None:
            self.taken.append(line)
            self._characters += len(line.text)
            yield line.text
            if len(self.taken) >= SPAN_LINES or self._characters >= SPAN_CHARACTERS:
                return
            line = self._again.popleft() if self._again else next(self._source, None)
            if line is not None and line.broken:
                self._again.appendleft(line)
                return

    def give_back(self) -> None:
        """Put back all but the first line of the record."""
        self._again.extendleft(reversed(self.taken[1:]))


def _open(path: Path) -> tuple[str, tuple[str, ...], _Lines]:
    """Return the delimiter, the column names, each unlike the others, and the lines after the header."""
    source = _Lines(text.lines(path))
    first = source.pull()
    while first is not None and not first.text.strip() and not first.broken:
        first = source.pull()
    if first is None:
        raise FeedError(f"{path}: the file is empty. A CSV feed begins with a line of column names.")
    if first.broken:
        raise FeedError(f"{path}: the line of column names cannot be used: {first.broken[1]}.")
    chosen = _SEP.match(first.text)
    if chosen:
        first = source.pull()
        if first is None or first.broken:
            raise FeedError(f"{path}: no line of column names after {chosen[0].strip()!r}.")
    delimiter, cells = (chosen[1], None) if chosen else _header_cells([first.text])
    if cells is None:
        cells = _split(first.text, delimiter)
    return delimiter, _distinct(cells), source


def _header_cells(first_lines: Iterable[str]) -> tuple[str, list[str]]:
    """Return the delimiter under which the header has the most known columns, then the most cells; and its cells."""
    lines = [line for line in first_lines if line.strip()]
    if lines and (chosen := _SEP.match(lines[0])):
        return chosen[1], _split(lines[1], chosen[1]) if len(lines) > 1 else []
    if not lines:
        return ",", []
    candidates = [(delimiter, _split(lines[0], delimiter)) for delimiter in DELIMITERS]
    return max(candidates, key=lambda candidate: (sum(known(cell) for cell in candidate[1]), len(candidate[1])))


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _distinct(cells: list[str]) -> tuple[str, ...]:
    """Name a repeated column like the numbered ones some shops write: image_link, image_link_2."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    seen: dict[str, int] = {}
    names = []
    for position, cell in enumerate(cells, start=1):
        name = cell or f"column {position}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(names)


def _records(source: _Lines, delimiter: str, width: int, feed: str) -> Iterator[tuple[int, list[str] | Refusal]]:
    """Yield each record's first line number and its `width` cells, or why it has none."""
    while (line := source.pull()) is not None:
        where = f"{feed}:{line.number}"
        if line.broken:
            yield line.number, Refusal(where, *line.broken)
            continue
        try:
            # strict: a quote left open, or closed inside a cell, raises csv.Error.
            cells = next(csv.reader(source.record(line), delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            source.give_back()
            yield line.number, _unreadable(where, str(error))
            continue
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) != width and any(cells):
            source.give_back()
            message = f"{len(cells)} cells where the header names {width}"
            yield line.number, Refusal(where, "wrong-cell-count", message)
        elif cells:
            yield line.number, cells if len(cells) == width else [""] * width


def _unreadable(where: str, error: str) -> Refusal:
    if "field larger" in error:
        return Refusal(where, "field-too-long", f"a cell has over {csv.field_size_limit()} characters")
    if "unexpected end" in error:
        return Refusal(where, "open-quote", "a quote opens and does not close")
    return Refusal(where, "bad-quotes", f"the quotes do not pair up: {error}")
