"""The tables of benchmarks.quality, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.quality_figures import Measured
from benchmarks.report import machine, write_part
from embedding.redaction.conceal import METHODS
from index.generations.calibration import area_under_roc, expected_calibration_error
from index.generations.generations import open_live
from index.jobs.evaluate import bootstrap_interval
from index.search.likelihood import VERDICT_THRESHOLD
from index.workspace import Workspace

Figures = npt.NDArray[np.float64]
DEPTHS = (1, 5, 10)
BINS = 5


def write_report(
    path: Path | None,
    workspace: Workspace,
    measured: Sequence[Measured],
    cached: Mapping[str, Figures],
    cold: Mapping[str, Figures],
) -> None:
    """Print the tables and, with a path, write them between the two marks of that file."""
    lines = [
        *_head(workspace, measured),
        *_steps(measured),
        *_concealed(measured),
        *_two_ways(
            measured, "rotated", "Photos rotated by one, two or three quarters", "as taken", "orientation corrected"
        ),
        *_two_ways(measured, "views", "Three pictures of one object", "one of them", "together"),
        *_likelihood(measured),
        *_time(cached, cold),
    ]
    write_part(path, "measured", lines)


def _head(workspace: Workspace, measured: Sequence[Measured]) -> list[str]:
    manifest = open_live(workspace).manifest
    products = manifest.collections["catalogue"].entries
    tested = manifest.self_test
    lines = [
        f"Model {manifest.model}; {products} products in one gallery; {len(measured)} measurements; "
        f"{machine()}. "
        "In brackets: 95 % bootstrap intervals over queries.",
        "",
    ]
    if tested is not None:
        lines += [
            f"Self-test of this generation, on simulated photos of {tested.products} of its products: recall@1 "
            f"{tested.recall_at_1:.2f}, @5 {tested.recall_at_5:.2f}, @10 {tested.recall_at_10:.2f}; calibration error "
            f"{tested.calibration_error:.3f}, area under ROC {tested.area_under_roc:.3f}.",
            "",
        ]
    return lines


def _steps(measured: Sequence[Measured]) -> list[str]:
    lines = ["## What each step gains", "", "| set | step | queries | recall@1 | recall@5 | recall@10 |"]
    lines.append("|---|---|---|---|---|---|")
    for name, own in _by(measured, "steps").items():
        for step in own[0].ranks:
            lines.append(f"| {name} | {step} | {len(own)} | {_recalls([one.ranks[step] for one in own])} |")
    return [*lines, ""]


def _concealed(measured: Sequence[Measured]) -> list[str]:
    lines = ["## A third of the query blacked out, whited out, blurred or pixelated", ""]
    lines += ["| set | query | queries | recall@1 | recall@5 | recall@10 |", "|---|---|---|---|---|---|"]
    for name, own in _by(measured, "concealed").items():
        for step in own[0].ranks:
            lines.append(f"| {name} | {step} | {len(own)} | {_recalls([one.ranks[step] for one in own])} |")
        for step in ("cosine", "re-ranked"):
            gain = [float(o.ranks[f"handled, {step}"] <= 1) - float(o.ranks[f"ignored, {step}"] <= 1) for o in own]
            lines.append(f"| {name} | gain of the handling, {step} | {len(own)} | {_mean(gain)} | | |")
    lines += ["", "The same, re-ranked, by how it was hidden:", ""]
    lines += ["| set | hidden by | queries | ignored: recall@1 | handled: recall@1 |", "|---|---|---|---|---|"]
    for name, own in _by(measured, "concealed").items():
        for number, method in enumerate(METHODS):
            hidden = [one for one in own if one.task.seed % len(METHODS) == number]
            first = [[float(o.ranks[f"{step}, re-ranked"] <= 1) for o in hidden] for step in ("ignored", "handled")]
            lines.append(f"| {name} | {method} | {len(hidden)} | {_mean(first[0])} | {_mean(first[1])} |")
    return [*lines, ""]


def _two_ways(measured: Sequence[Measured], kind: str, heading: str, one: str, other: str) -> list[str]:
    """Queries searched in one way and in another, and what the other gains."""
    lines = [f"## {heading}", ""]
    lines += ["| set | query | queries | recall@1 | recall@5 | recall@10 |", "|---|---|---|---|---|---|"]
    for name, own in _by(measured, kind).items():
        for way in (one, other):
            lines.append(f"| {name} | {way} | {len(own)} | {_recalls([each.ranks[way] for each in own])} |")
        gain = [float(each.ranks[other] <= 1) - float(each.ranks[one] <= 1) for each in own]
        lines.append(f"| {name} | gain | {len(own)} | {_mean(gain)} | | |")
    return [*lines, ""]


def _likelihood(measured: Sequence[Measured]) -> list[str]:
    lines = [
        "## The likelihood, with half of the products left out",
        "",
        "Half of a set's products are left out of the gallery, at random; the mean over several draws, in brackets the "
        "worst.",
        '"Padded" is the gallery of all sets, "alone" the set\'s own. Precision and recall are those of the verdict '
        f'"candidates", given from {VERDICT_THRESHOLD} on; a false alarm is such a verdict where the first candidate '
        "is wrong.",
        "",
        "| set | gallery | right first | calibration error | area under ROC | precision | recall | false alarms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    bins = ["| set | gallery | " + " | ".join(f"{n + 1}" for n in range(BINS)) + " |", "|---|---|" + "---|" * BINS]
    for name, own in _by(measured, "steps").items():
        for gallery in ("padded", "alone"):
            draws = sorted({case for one in own for case in one.judged if case.startswith(gallery)})
            outcomes = [np.array([one.judged[draw] for one in own if draw in one.judged], float) for draw in draws]
            if not outcomes:
                continue
            lines.append(f"| {name} | {gallery} | " + " | ".join(_figures(outcomes)) + " |")
            bins.append(f"| {name} | {gallery} | " + " | ".join(_bins(np.concatenate(outcomes))) + " |")
    heading = "Fifths of the answers by likelihood: the mean likelihood, and the share that was right:"
    return [*lines, "", heading, "", *bins, ""]


def _figures(outcomes: Sequence[Figures]) -> list[str]:
    """The columns of the table; `outcomes`: for each draw, likelihood and rightness of the first candidates [n, 2]."""

    def over(figure: Callable[[Figures, npt.NDArray[np.bool_]], float], worst: Callable[..., float]) -> str:
        values = [figure(draw[:, 0], draw[:, 1] > 0) for draw in outcomes]
        return f"{np.nanmean(values):.3f} ({worst(values):.3f})"

    return [
        over(lambda _, right: float(right.mean()), min),
        over(expected_calibration_error, max),
        over(area_under_roc, min),
        over(_precision, np.nanmin),
        over(lambda p, right: float((p[right] >= VERDICT_THRESHOLD).mean()), min),
        over(lambda p, right: float((p[~right] >= VERDICT_THRESHOLD).mean()), max),
    ]


def _precision(likelihood: Figures, right: npt.NDArray[np.bool_]) -> float:
    given = likelihood >= VERDICT_THRESHOLD
    return float(right[given].mean()) if given.any() else float("nan")


def _bins(outcomes: Figures) -> list[str]:
    parts = np.array_split(outcomes[np.argsort(outcomes[:, 0], kind="stable")], BINS)
    return [f"{part[:, 0].mean():.2f} / {part[:, 1].mean():.2f}" for part in parts]


def _time(cached: Mapping[str, Figures], cold: Mapping[str, Figures]) -> list[str]:
    heading = "Milliseconds, one query at a time: with the descriptors of the catalogue's pictures cached, and without."
    lines = ["## Where the time of a query goes", "", heading, ""]
    lines += ["| step | cached: median | 90th percentile | without: median |", "|---|---|---|---|"]
    for name in (*cached, "all"):
        warm, first = (np.sum(list(each.values()), axis=0) if name == "all" else each[name] for each in (cached, cold))
        figures = (np.median(warm), np.percentile(warm, 90), np.median(first))
        lines.append(f"| {name} | " + " | ".join(f"{1000 * value:.0f}" for value in figures) + " |")
    return [*lines, ""]


def _by(measured: Sequence[Measured], kind: str) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for one in measured:
        if one.task.kind == kind:
            found.setdefault(one.task.name, []).append(one)
    return found


def _recalls(ranks: Sequence[float]) -> str:
    return " | ".join(_mean([float(rank <= depth) for rank in ranks]) for depth in DEPTHS)


def _mean(values: Sequence[float]) -> str:
    low, high = bootstrap_interval(np.array(values))
    return f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]"
