"""The tables and the plot of benchmarks.engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import table, write_part

Measurement = Mapping[str, Any]


def write_report(path: Path | None, measured: Sequence[Measurement]) -> None:
    """Print the tables; with a path, write them into that page, and a plot into the folder of its name."""
    text = [*_head(measured), *_engines(measured), *_references(measured), *_filters(measured)]
    if path is not None:
        plot = path.with_suffix("") / "engines.png"
        plot.parent.mkdir(exist_ok=True)
        _draw(measured, plot)
        text += [f"![Time of a query and memory by count]({plot.parent.name}/{plot.name})", ""]
    write_part(path, "engines", text)


def _head(measured: Sequence[Measurement]) -> list[str]:
    return [*(f"Machine: {machine}." for machine in sorted({one["machine"] for one in measured})), ""]


def _name(one: Measurement) -> str:
    return f"{one['case']['count']:,}"


def _engines(measured: Sequence[Measurement]) -> list[str]:
    titles = (
        "vectors", "memory allowed, B", "recall target", "engine chosen", "recall@10", "p50, ms", "p99, ms",
        "batched, queries/s", "built in, s", "memory, B a vector", "resident after searches, B", "opened in, s",
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
    return ["### The engine that is chosen", "", *table(titles, rows), *refused, *([""] if refused else [])]


def _references(measured: Sequence[Measurement]) -> list[str]:
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
    return ["### Compared with its references", "", *table(titles, rows)]


def _filters(measured: Sequence[Measurement]) -> list[str]:
    rows = [
        (_name(one), f"`{one['spec']}`", f"{float(share):.2%}", f"{speed['recall']:.3f}", f"{speed['p50']:.2f}",
         f"{speed['p50'] / one['opened']['single']['p50']:.1f}")
        for one in measured
        for share, speed in one["opened"]["filtered"].items()
    ]  # fmt: skip
    titles = ("vectors", "engine", "rows allowed", "recall@10", "p50, ms", "times unfiltered")
    return ["### Filters inside the search", "", *table(titles, rows)]


def _draw(measured: Sequence[Measurement], path: Path) -> None:
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
