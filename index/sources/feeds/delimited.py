"""CSV and its kin: comma, semicolon, tab or bar between the cells, one header line, quotes as Excel writes them.

Between tabs a quote is text, as in the feeds of Google Merchant Center, but for cells that were clearly quoted by a
program.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import FeedRow, Refusal, RefusedRow
from index.sources.feeds import text
from index.sources.feeds.columns import OBJECT_ID, PRODUCT_ID, known
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.references import names_pictures, normal_name, references

DELIMITERS = (",", ";", "\t", "|")
# How far a quoted cell may span lines before its opening quote counts as an error of its first line alone.
SPAN_LINES = 1000
SPAN_CHARACTERS = 262_144
# What is kept of a broken row, for the identifier in it.
_KEPT_CELLS = 200
# Blanks, and the sign that ends a file on DOS.
_NOTHING = " \t\r\n\x1a"
_SEP = re.compile(r'^"?sep=(.)"?\s*$')

# The csv module's limit, which holds for the process, is 131,072 characters a cell; lines have a limit already.
csv.field_size_limit(max(csv.field_size_limit(), text.LINE_LIMIT))


class DelimitedReader:
    """Reads CSV, TSV and the like; the delimiter and the encoding are found by content."""

    format = "csv"

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Whether the first line is a header with at least an identifier or a picture among several cells."""
        if not head:
            return False
        header = _header_cells(text.head_text(head, feed.encoding).splitlines()[:3])[1]
        if len(header) < 2:
            return False
        ids = {*PRODUCT_ID, *OBJECT_ID}
        return any(normal_name(cell) in ids or names_pictures(cell) for cell in header)

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:
        """Return the header's cells. Raises FeedError for a file that is empty or has none."""
        return _open(feed).columns

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the rows. A quote that never closes costs its own line, not those after it.

        Raises FeedIncomplete where the last row ends in the middle: in a quoted cell, or before its last cell. A file
        that is cut between two rows, or in the last cell of one, cannot be recognised.
        """
        table = _open(feed)
        ending = _Ending(len(table.columns))
        for number, cells in _tab_separated(table, ending) if table.delimiter == "\t" else _quoted(table, ending):
            if isinstance(cells, Refusal):
                yield cells
            elif any(cells):
                fields = dict(zip(table.columns, cells, strict=True))
                yield FeedRow(number, fields, references(fields))
        if ending.is_cut:
            raise FeedIncomplete(f"{feed}: ends in the middle of its last row: fetch it again.")


@dataclass(frozen=True)
class _Table:
    """An open feed: how its cells are separated, its columns, whether the header quotes its names, and its lines."""

    feed: FeedFile
    delimiter: str
    columns: tuple[str, ...]
    quoted: bool
    lines: _Lines


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
            if line is not None and line.too_long:
                self._again.appendleft(line)
                return

    def give_back(self) -> None:
        """Put back all but the first line of the record."""
        self._again.extendleft(reversed(self.taken[1:]))


class _Ending:
    """Whether the rows read so far end in the middle of one.

    A quote that is open at the end, or a last line without its end that has too few cells, is a feed that was cut. A
    last line that is whole but for a quote is a slip of its author, unless other cells of the feed span lines.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._cells_span_lines = False
        self.is_cut = False

    def row(self, lines: int) -> None:
        """Note a row that was read."""
        self._cells_span_lines = self._cells_span_lines or lines > 1
        self.is_cut = False

    def refused(self, line: str, cells: int, *, open_quote: bool) -> None:
        """Note a refused row: its first line, and how many cells that has. A cut quoted cell may leave several."""
        short = cells < self._width
        if open_quote:
            self.is_cut = short or self._cells_span_lines or not _has_end(line)
        else:
            self.is_cut = self.is_cut or (short and not _has_end(line))


def _has_end(line: str) -> bool:
    return line.endswith(("\n", "\r"))


def _open(feed: FeedFile) -> _Table:
    """Find the header, and with it the delimiter and the columns, each unlike the others."""
    source = _Lines(text.lines(feed))
    first = source.pull()
    while first is not None and not first.text.strip() and not first.too_long:
        first = source.pull()
    if first is None:
        raise FeedError(f"{feed}: the file is empty. A CSV feed begins with a line of column names.")
    chosen = _SEP.match(first.text)
    if chosen:
        first = source.pull()
        if first is None:
            raise FeedError(f"{feed}: no line of column names after {chosen[0].strip()!r}.")
    if first.too_long:
        raise FeedError(f"{feed}: the line of column names is longer than {text.LINE_LIMIT} characters.")
    delimiter, cells = (chosen[1], None) if chosen else _header_cells([first.text])
    if cells is None:
        cells = _split(first.text, delimiter)
    return _Table(feed, delimiter, _distinct(cells), first.text.lstrip().startswith('"'), source)


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


def _quoted(table: _Table, ending: _Ending) -> Iterator[tuple[int, list[str] | Refusal]]:
    """Yield each record's first line number and its cells, or why it has none; quotes as in RFC 4180."""
    source = table.lines
    while (line := source.pull()) is not None:
        if line.too_long:
            yield line.number, _refused(table, line, ending, "line-too-long", _too_long())
            continue
        try:
            # strict: a quote left open, or closed inside a cell, raises csv.Error.
            cells = next(csv.reader(source.record(line), delimiter=table.delimiter, strict=True), [])
        except csv.Error as error:
            source.give_back()
            yield line.number, _refused(table, line, ending, *_syntax(str(error)))
            continue
        yield from _of_width(table, line, cells, ending)


def _tab_separated(table: _Table, ending: _Ending) -> Iterator[tuple[int, list[str] | Refusal]]:
    """As _quoted, where a quote is text."""
    source, width = table.lines, len(table.columns)
    while (line := source.pull()) is not None:
        if line.too_long:
            yield line.number, _refused(table, line, ending, "line-too-long", _too_long())
            continue
        cells = line.text.rstrip("\r\n").split("\t")
        # A quoted cell may hold tabs, or go on in the next line.
        uneven = len(cells) != width or (cells[-1].startswith('"') and cells[-1].count('"') % 2)
        quoted = _program_quoted(source, line, width) if uneven and '"' in line.text else None
        if quoted is not None:
            cells = quoted
        elif '"' in line.text:
            cells = [_unquoted(cell, table.quoted) for cell in cells]
        yield from _of_width(table, line, cells, ending)


def _program_quoted(source: _Lines, line: text.Line, width: int) -> list[str] | None:
    """The cells of a record in which a program quoted line ends or tabs, or None where the quotes are text.

    A cell that spans lines and has tabs in it would rather be other rows that a stray quote swallowed.
    """
    try:
        cells = next(csv.reader(source.record(line), delimiter="\t", strict=True), [])
    except csv.Error:
        cells = []
    if len(cells) == width and not any("\t" in cell and ("\n" in cell or "\r" in cell) for cell in cells):
        return cells
    source.give_back()
    source.taken = [line]
    return None


def _unquoted(cell: str, always: bool) -> str:
    """A cell without the quotes that a program put around it: it doubles those inside, and quotes only where it must.

    `always`: the feed's header is quoted, so every cell is.
    """
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"':
        return cell
    inner = cell[1:-1]
    if '"' in inner.replace('""', ""):
        return cell
    needed = not inner or '"' in inner or "," in inner
    return inner.replace('""', '"') if always or needed else cell


def _of_width(
    table: _Table, line: text.Line, cells: list[str], ending: _Ending
) -> Iterator[tuple[int, list[str] | Refusal]]:
    """A record with as many cells as there are columns, or its refusal; nothing of an empty line."""
    width = len(table.columns)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width and not any(cell.strip(_NOTHING) for cell in cells):
        cells = [""] * width
    if len(cells) != width:
        table.lines.give_back()
        yield (
            line.number,
            _refused(table, line, ending, "wrong-cell-count", f"{len(cells)} cells where the header names {width}"),
        )
    else:
        ending.row(len(table.lines.taken))
        yield line.number, cells


def _refused(table: _Table, line: text.Line, ending: _Ending, reason: str, message: str) -> RefusedRow:
    # Without regard to quotes: what is wrong is in them, or they hide how many cells there are.
    cells = [cell.strip(' "\r\n') for cell in line.text.split(table.delimiter)]
    ending.refused(line.text, len(cells), open_quote=reason == "open-quote")
    names = (*table.columns, *[""] * len(cells))
    kept = tuple(zip(names, cells[:_KEPT_CELLS], strict=False))
    return RefusedRow(f"{table.feed}:{line.number}", reason, message, kept, shifted=len(cells) != len(table.columns))


def _too_long() -> str:
    return f"the line has over {text.LINE_LIMIT} characters"


def _syntax(error: str) -> tuple[str, str]:
    if "unexpected end" in error:
        return "open-quote", "a quote opens and does not close"
    return "bad-quotes", f"the quotes do not pair up: {error}"
