"""The tables of benchmarks.encoders."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.encoders_figures import Quality, Speed
from benchmarks.report import machine, spread, table, write_part


def write_report(path: Path | None, speeds: Sequence[Speed], qualities: Sequence[Quality], pictures: int) -> None:
    """Print the tables; with a path, write them into that page too."""
    made_on = machine("openvino", "nncf", "torch", "open_clip_torch", "pillow")
    head = [f"Machine: {made_on}. {pictures} JPEG files.", ""]
    write_part(path, "encoders", [*head, *_rates(speeds), *_singles(speeds), *_steps(speeds), *_quality(qualities)])


def _rates(speeds: Sequence[Speed]) -> list[str]:
    rows = [
        (one.name, spread(one.plain, ".1f"), spread(one.ours, ".1f"), _ratio(one.ours, one.plain), *_agreement(one))
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
    return ["### Files to stored vectors", "", *table(titles, rows)]


def _singles(speeds: Sequence[Speed]) -> list[str]:
    rows = [
        (
            one.name,
            spread([1000 * value for value in one.plain_single], ".1f"),
            spread([1000 * value for value in one.ours_single], ".1f"),
            _ratio(one.plain_single, one.ours_single),
            *_agreement(one),
        )
        for one in speeds
    ]
    titles = ("model", "torch, ms", "compiled, ms", "times as fast", "mean cosine", "top-10 overlap")
    return ["### One prepared picture", "", *table(titles, rows)]


def _steps(speeds: Sequence[Speed]) -> list[str]:
    names = list(speeds[0].steps)
    rows = [(one.name, *(f"{one.steps[name]:.2f}" for name in names)) for one in speeds]
    return ["### Where the time goes, in processor milliseconds a picture", "", *table(("model", *names), rows)]


def _quality(qualities: Sequence[Quality]) -> list[str]:
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
        for one in qualities
    ]
    titles = ("set", "queries", "recall@1", "compiled", "recall@10", "compiled", "top-10 overlap", "mean cosine")
    head = "By embeddings alone (`traceobject evaluate --no-rerank`): the original in torch, and compiled to int8."
    return (
        ["### The starter model, compiled, on real photographs", "", head, "", *table(titles, rows)]
        if qualities
        else []
    )


def _agreement(one: Speed) -> tuple[str, str]:
    return f"{one.cosine:.4f}", f"{one.overlap:.3f}"


def _ratio(over: Sequence[float], under: Sequence[float]) -> str:
    return f"**{statistics.median(over) / statistics.median(under):.2f}**"
