"""Pages of measurements, docs/benchmarks.md and docs/quality.md: each benchmark writes its own part."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path


def write_part(path: Path | None, name: str, lines: Iterable[str]) -> None:
    """Print lines of Markdown; with a path, write them there between the marks of that name, and leave the rest.

    Raises:
        SystemExit: the page has no such marks.
    """
    text = "\n".join(lines)
    sys.stdout.write(text)
    if path is None:
        return
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, begun, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise SystemExit(f"{path} has no lines {begin} and {end}: add them where the figures belong")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def machine(*packages: str) -> str:
    """What all of it ran on, and the versions of packages."""
    told = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in told if line.startswith("model name")), platform.machine())
    versions = [f"{name} {version(name)}" for name in packages]
    return ", ".join([f"{os.cpu_count()} cores of {model}", f"Python {platform.python_version()}", *versions])


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table, and an empty line after it."""
    told = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(titles)} |", f"|{'|'.join('---' for _ in titles)}|", *told, ""]


def spread(values: Sequence[float], how: str) -> str:
    """A median, and in brackets the least and the most."""
    return f"{statistics.median(values):{how}} ({min(values):{how}} to {max(values):{how}})"
