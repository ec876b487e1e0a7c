"""The tables of benchmarks.encoders."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.encoders import Quality, Speed


def write_report(path: Path | None, speeds: Sequence[Speed], told: Sequence[Quality], pictures: int) -> None:
    """Print the tables; with a path, write them there too."""
    text = "\n".join([*_head(pictures), *_rates(speeds), *_singles(speeds), *_steps(speeds), *_quality(told)])
    sys.stdout.write(text)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _head(pictures: int) -> list[str]:
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("openvino", "nncf", "torch", "open_clip_torch", "pillow")
    )
    return [
        "# Compiled encoders beside the plain loop",
        "",
        "Written by `python -m benchmarks.encoders DATA --report docs/benchmarks/encoders.md`; its first lines say",
        "what is measured, against what. Both ways run in turn, on the same files: their ratio is what to read. Behind",
        "a median stands, in brackets, the least and the most.",
        "",
        f"Machine: {os.cpu_count()} cores of {platform.machine()}, Python {platform.python_version()}; {versions}.",
        f"Pictures: {pictures} JPEG files.",
        "",
    ]


def _rates(speeds: Sequence[Speed]) -> list[str]:
    rows = [
        (one.name, _spread(one.plain, ".1f"), _spread(one.ours, ".1f"), _ratio(one.ours, one.plain), *_agreement(one))
        for one in speeds
    ]
    titles = (
        "model",
        "plain loop, pictures/s",
        "compiled, pictures/s",
        "times as many",
        "mean cosine",
        "top-10 overlap",
    )
    return ["## Files to stored vectors", "", *_table(titles, rows)]


def _singles(speeds: Sequence[Speed]) -> list[str]:
    rows = [
        (
            one.name,
            _spread([1000 * value for value in one.plain_single], ".1f"),
            _spread([1000 * value for value in one.ours_single], ".1f"),
            _ratio(one.plain_single, one.ours_single),
            *_agreement(one),
        )
        for one in speeds
    ]
    titles = ("model", "torch, ms", "compiled, ms", "times as fast", "mean cosine", "top-10 overlap")
    return ["## One prepared picture", "", *_table(titles, rows)]


def _steps(speeds: Sequence[Speed]) -> list[str]:
    names = list(speeds[0].steps)
    rows = [(one.name, *(f"{one.steps[name]:.2f}" for name in names)) for one in speeds]
    return ["## Where the time goes, in processor milliseconds a picture", "", *_table(("model", *names), rows)]


def _quality(told: Sequence[Quality]) -> list[str]:
    rows = [
        (
            one.name,
            one.queries,
            f"{one.recall_1[0]:.4f}",
            f"{one.recall_1[1]:.4f}",
            f"{one.recall_10[0]:.4f}",
            f"{one.recall_10[1]:.4f}",
            f"{one.overlap:.3f}",
            f"{one.cosine:.4f}",
        )
        for one in told
    ]
    titles = ("set", "queries", "recall@1", "compiled", "recall@10", "compiled", "top-10 overlap", "mean cosine")
    head = (
        "By embeddings alone, as `traceobject evaluate --no-rerank` asks: the original in torch, and compiled to int8."
    )
    return ["## The starter model, compiled, on real photographs", "", head, "", *_table(titles, rows)] if told else []


def _agreement(one: Speed) -> tuple[str, str]:
    return f"{one.cosine:.4f}", f"{one.overlap:.3f}"


def _spread(values: Sequence[float], how: str) -> str:
    return f"{statistics.median(values):{how}} ({min(values):{how}} to {max(values):{how}})"


def _ratio(over: Sequence[float], under: Sequence[float]) -> str:
    return f"**{statistics.median(over) / statistics.median(under):.2f}**"


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    told = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(titles)} |", f"|{'|'.join('---' for _ in titles)}|", *told, ""]
