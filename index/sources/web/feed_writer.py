"""Rows written as a feed, which is put in place when it is whole, and only where it differs from the former one."""

from __future__ import annotations

import filecmp
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from index.stores.durable import sync_folder

ROWS, DOCUMENT = "rows.jsonl", "document.json"


def write_rows(rows: Iterable[Mapping[str, object]], folder: Path) -> Path:
    """Write `folder/rows.jsonl`: one row a line, its pictures in the column `image_link`.

    An exception of `rows` passes through, and the former file stays.
    """
    return _write((json.dumps(row) + "\n" for row in rows), folder / ROWS)


def write_document(items: Iterable[Mapping[str, object]], name: str, folder: Path) -> Path:
    """Write `folder/document.json`: an object with all items under one name. As `write_rows` otherwise."""

    def text() -> Iterator[str]:
        yield f"{{{json.dumps(name)}: [\n"
        for number, item in enumerate(items):
            yield (",\n" if number else "") + json.dumps(item)
        yield "\n]}\n"

    return _write(text(), folder / DOCUMENT)


def _write(text: Iterable[str], path: Path) -> Path:
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("w", encoding="ascii") as file:
            for part in text:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and filecmp.cmp(path, aside, shallow=False):
            return path
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)
    return path
