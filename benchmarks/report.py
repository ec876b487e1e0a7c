"""Pages of measurements, docs/benchmarks.md and docs/quality.md: each benchmark writes its own part."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path


def page_for(name: str) -> Callable[[str], Path]:
    """What argparse makes of a page's path: refused now where it has no place of that name, not after hours of work."""

    def page(text: str) -> Path:
        try:
            _around(Path(text), name)
        except (OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return Path(text)

    return page


def write_part(path: Path | None, name: str, lines: Iterable[str]) -> None:
    """Print lines of Markdown; with a path, write them there between the marks of that name, and leave the rest."""
    text = "\n".join(lines)
    sys.stdout.write(text)
    if path is not None:
        before, after = _around(path, name)
        path.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def _around(path: Path, name: str) -> tuple[str, str]:
    """A page up to the first mark of a name, and from the last one on.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, begun, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{path} has no lines {begin} and {end}: add them where the figures belong")
    return before + begin, end + after


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
