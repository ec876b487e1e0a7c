"""The tables of benchmarks.serving."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import machine, table, write_part
from benchmarks.serving_figures import Answers, Bare, Served


def write_report(path: Path | None, measured: Sequence[Served], pictures: int) -> None:
    """Print the tables; with a path, write them into that page too."""
    head = [f"Machine: {machine('fastapi', 'uvicorn', 'openvino')}. {pictures} photographs.", ""]
    write_part(path, "serving", [*head, *(line for served in measured for line in _of_model(served))])


def _of_model(served: Served) -> list[str]:
    """The tables of one model."""
    reference, clients = served.bare, served.clients
    quarters = [f"{statistics.median(part):.0f}" for part in np.array_split(np.array(served.memory), 4)]
    one, one_alone = (statistics.median(answers.right) for answers in (served.single, served.single_alone))
    return [
        f"### {served.model}",
        "",
        f"Ready after {served.ready:.1f} s, with {served.resident / 1e6:.0f} MB of memory; torch is "
        f"{'' if served.torch else 'not '}loaded. A photograph has {reference.views:.2f} views on average; to decode "
        f"it and to scale them takes {reference.scaled:.4f} s.",
        "",
        *table(
            ("one search", "over HTTP, s", "in process, s", "times", "its views' forward and the index, s", "times"),
            [
                _compared("with re-ranking", one, reference.whole, reference.forward),
                _compared("by embeddings alone", one_alone, reference.whole_alone, reference.forward),
            ],
        ),
        *table(
            (f"{clients} clients", "searches/s", "in process", "share", "views/s", "bare encoder", "share"),
            [
                _shared("with re-ranking", served.many.rate, reference.together, reference),
                _shared("by embeddings alone", served.many_alone.rate, reference.together_alone, reference),
            ],
        ),
        *table(
            ("clients", "answered", "other answers", "p50, s", "p99, s", "searches a second"),
            [
                _row(served.many, f"{clients} clients"),
                _row(served.single, "one client"),
                _row(served.with_bad_uploads, "one client, while others upload too slowly and too much"),
                _row(served.many_alone, f"{clients} clients, by embeddings alone"),
                _row(served.single_alone, "one client, by embeddings alone"),
            ],
        ),
        f"Memory in MB in the quarters of the time of {clients} clients with re-ranking: {', '.join(quarters)}.",
        "",
    ]


def _compared(name: str, over_http: float, whole: float, forward: float) -> tuple[object, ...]:
    """How long one search takes, and how many times each reference that is."""
    return (
        name,
        f"{over_http:.4f}",
        f"{whole:.4f}",
        f"**{over_http / whole:.2f}**",
        f"{forward:.4f}",
        f"**{over_http / forward:.2f}**",
    )


def _shared(name: str, rate: float, together: float, bare: Bare) -> tuple[object, ...]:
    """How many searches a second many clients have, and their share of each reference."""
    views = rate * bare.views
    return (
        name,
        f"{rate:.2f}",
        f"{together:.2f}",
        f"**{rate / together:.2f}**",
        f"{views:.1f}",
        f"{bare.batched:.1f}",
        f"**{views / bare.batched:.2f}**",
    )


def _row(answers: Answers, name: str) -> tuple[object, ...]:
    p50, p99 = np.quantile(answers.right or [float("nan")], (0.5, 0.99))
    other = {status: len(seconds) for status, seconds in answers.seconds.items() if status != 200}
    failed = {str(status): count for status, count in other.items()} | dict(answers.failures)
    if 503 in other:
        failed["no Retry-After"] = answers.without_retry_after
    failures = ", ".join(f"{what}: {count}" for what, count in failed.items()) or "none"
    return name, len(answers.right), failures, f"{p50:.3f}", f"{p99:.3f}", f"{answers.rate:.2f}"
