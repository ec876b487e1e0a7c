"""The tables and the plot of benchmarks.engines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Told = Mapping[str, Any]


def write_report(path: Path | None, measured: Sequence[Told]) -> None:
    """Print the tables; with a path, write them there, and a plot beside it."""
    text = "\n".join([*_head(measured), *_engines(measured), *_references(measured), *_filters(measured)])
    sys.stdout.write(text)
    if path is not None:
        plot = path.with_suffix(".png")
        _draw(measured, plot)
        path.write_text(f"{text}\n![Time of a query and memory by count]({plot.name})\n", encoding="utf-8")


def _head(measured: Sequence[Told]) -> list[str]:
    machines = sorted({one["machine"] for one in measured})
    return [
        "# The index, from ten thousand pictures to ten million",
        "",
        "Written by `python -m benchmarks.engines`; its first lines say what is measured, against what.",
        "Vectors have 512 numbers. Single queries run on one thread; times are medians of a thousand, and p99.",
        "",
        *(f"Machine: {machine}." for machine in machines),
        "",
    ]


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    told = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(titles)} |", f"|{'|'.join('---' for _ in titles)}|", *told, ""]


def _name(one: Told) -> str:
    return f"{one['case']['count']:,}"


def _engines(measured: Sequence[Told]) -> list[str]:
    titles = (
        "vectors", "memory allowed, B", "recall wanted", "engine chosen", "recall@10", "p50, ms", "p99, ms",
        "batched, queries/s", "built in, s", "memory, B a vector", "resident after asking, B", "opened in, s",
    )  # fmt: skip
    rows = [
        (
            _name(one), one["case"]["budget"], one["case"]["target"], f"`{one['spec']}`",
            f"{one['opened']['single']['recall']:.3f}", f"{one['opened']['single']['p50']:.2f}",
            f"{one['opened']['single']['p99']:.2f}", f"{one['opened']['batched']:,.0f}", f"{one['build']:,.0f}",
            f"{one['bytes']:,.0f}", f"{one['opened']['resident'] / one['case']['count']:,.0f}",
            f"{one['opened']['opening']:.2f}",
        )
        for one in measured
    ]  # fmt: skip
    refused = [f"{_name(one)}: {why}." for one in measured for why in one["refused"]]
    return ["## The engine that is chosen", "", *_table(titles, rows), *refused, *([""] if refused else [])]


def _references(measured: Sequence[Told]) -> list[str]:
    rows = []
    for one in measured:
        own = one["opened"]["single"]
        for name, other in (("NumPy, every vector", one["brute_force"]), ("usearch, float16 graph", one["usearch"])):
            if other is not None:
                single = other["single"]
                built = f"{other['build']:,.0f}" if other["build"] else ""
                ratio = f"{single['p50'] / own['p50']:.1f}"
                rows.append(
                    (_name(one), f"`{one['spec']}`", name, f"{single['recall']:.3f}", f"{single['p50']:.2f}",
                     ratio, built, f"{other['bytes']:,.0f}")
                )  # fmt: skip
    titles = (
        "vectors",
        "engine",
        "reference",
        "its recall@10",
        "its p50, ms",
        "times ours",
        "built in, s",
        "B a vector",
    )
    return ["## Beside its references", "", *_table(titles, rows)]


def _filters(measured: Sequence[Told]) -> list[str]:
    rows = [
        (_name(one), f"`{one['spec']}`", f"{float(share):.2%}", f"{speed['recall']:.3f}", f"{speed['p50']:.2f}",
         f"{speed['p50'] / one['opened']['single']['p50']:.1f}")
        for one in measured
        for share, speed in one["opened"]["filtered"].items()
    ]  # fmt: skip
    titles = ("vectors", "engine", "rows allowed", "recall@10", "p50, ms", "times unfiltered")
    return ["## Filters inside the search", "", *_table(titles, rows)]


def _draw(measured: Sequence[Told], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    time, memory = figure.subplots(1, 2)
    lines = {
        "chosen, graph": [one for one in measured if one["spec"].startswith(("HNSW", "Flat"))],
        "chosen, codes": [one for one in measured if one["spec"].startswith("IVF")],
    }
    for name, own in lines.items():
        counts = [one["case"]["count"] for one in own]
        time.plot(counts, [one["opened"]["single"]["p50"] for one in own], "o-", label=name)
        memory.plot(counts, [one["bytes"] for one in own], "o-", label=name)
    for name, key, style in (("NumPy, every vector", "brute_force", "s--"), ("usearch", "usearch", "^--")):
        others = [one for one in measured if one[key] is not None]
        counts = [one["case"]["count"] for one in others]
        time.plot(counts, [one[key]["single"]["p50"] for one in others], style, label=name)
        memory.plot(counts, [one[key]["bytes"] for one in others], style, label=name)
    for axes, label in ((time, "median of a query, ms"), (memory, "bytes of memory a vector")):
        axes.set(xscale="log", yscale="log", xlabel="vectors", ylabel=label)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)
