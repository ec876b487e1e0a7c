"""Metrics of the last re-index, for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from service.reports.account import Account

_OUTCOMES = ("published", "unchanged", "withheld", "failed")


def write_metrics(account: Account, path: Path) -> str:
    """Replace a textfile by an account's figures: "" if it was written, otherwise why not."""
    registry = CollectorRegistry()

    def gauge(name: str, help_text: str, value: float) -> None:
        Gauge(f"traceobject_reindex_{name}", help_text, registry=registry).set(value)

    gauge("finished_timestamp_seconds", "When the last re-index ended.", _seconds(account.finished))
    gauge("duration_seconds", "How long it took.", account.seconds)
    outcome = Gauge("traceobject_reindex_outcome", "1 for what came of it.", ["outcome"], registry=registry)
    for name in _OUTCOMES:
        outcome.labels(name).set(float(account.outcome == name))
    gauge("generation", "The live generation, 0 without one.", account.generation or 0)
    gauge("embedded_images", "Pictures embedded.", account.embedded)
    gauge("new_images", "Pictures never seen before.", account.new_images)
    gauge("refused_inputs", "Inputs refused.", account.refused_inputs())
    gauge("failed_sources", "Sources that could not be read.", len(account.failed))
    gauge("alerts", "Alerts it told of.", len(account.alerts))
    entries = Gauge("traceobject_reindex_entries", "Entries by what became of them.", ["change"], registry=registry)
    for kind, count in account.totals().items():
        entries.labels(kind).set(count)
    steps = Gauge("traceobject_reindex_step_seconds", "How long each step took.", ["step"], registry=registry)
    for step, seconds in (account.steps or {}).items():
        steps.labels(step).set(seconds)
    if account.self_test:
        gauge("self_test_recall_at_1", "The live generation's self-test.", account.self_test["recall_at_1"])
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return ""


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
