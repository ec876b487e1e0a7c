"""Rows written as a feed in JSON Lines, which is put in place when it is whole and only where it differs."""

from __future__ import annotations

import filecmp
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from index.stores.durable import sync_folder

ROWS = "rows.jsonl"


def write_rows(rows: Iterable[Mapping[str, object]], folder: Path) -> Path:
    """Write `folder/rows.jsonl`: one row a line, pictures in the column `image_link`. The same rows leave it as it is.

    An exception of `rows` passes through, and the former file stays.
    """
    path, aside = folder / ROWS, folder / f".{ROWS}.part"
    try:
        with aside.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and filecmp.cmp(path, aside, shallow=False):
            return path
        aside.replace(path)
        sync_folder(folder)
    finally:
        aside.unlink(missing_ok=True)
    return path
