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
    """An argparse type for a page's path, which fails at once if the page has no part of that name."""

    def page(text: str) -> Path:
        try:
            _around(Path(text), name)
        except (OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return Path(text)

    return page


def write_part(path: Path | None, name: str, lines: Iterable[str]) -> None:
    """Print lines of Markdown; with a path, replace the part of that name in the page by them."""
    text = "\n".join(lines)
    sys.stdout.write(text)
    if path is not None:
        before, after = _around(path, name)
        path.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def _around(path: Path, name: str) -> tuple[str, str]:
    """A page up to the first marker of a part, and from its last one on.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, begun, rest = path.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{path} has no lines {begin} and {end}: add them where the figures belong")
    return before + begin, end + after


def machine(*packages: str) -> str:
    """A description of the machine, and the versions of packages."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    versions = [f"{name} {version(name)}" for name in packages]
    return ", ".join([f"{os.cpu_count()} cores of {model}", f"Python {platform.python_version()}", *versions])


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table, and an empty line after it."""
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(titles)} |", f"|{'|'.join('---' for _ in titles)}|", *lines, ""]


def spread(values: Sequence[float], form: str) -> str:
    """The median, and in brackets the smallest and the largest value, in a format such as ".1f"."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
