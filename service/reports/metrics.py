"""Metrics of the last re-index, for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from service.reports.run_record import RunRecord

_OUTCOMES = ("published", "unchanged", "withheld", "failed")


def write_metrics(record: RunRecord, path: Path) -> str:
    """Replace a textfile by the metrics of a re-index: "" if it was written, otherwise the error."""
    registry = CollectorRegistry()

    def gauge(name: str, help_text: str, value: float) -> None:
        Gauge(f"traceobject_reindex_{name}", help_text, registry=registry).set(value)

    gauge("finished_timestamp_seconds", "When the last re-index ended.", _seconds(record.finished))
    gauge("duration_seconds", "Duration of the last re-index.", record.seconds)
    outcome = Gauge(
        "traceobject_reindex_outcome", "1 for the outcome of the last re-index.", ["outcome"], registry=registry
    )
    for name in _OUTCOMES:
        outcome.labels(name).set(float(record.outcome == name))
    gauge("generation", "The live generation, 0 without one.", record.generation or 0)
    gauge("embedded_images", "Pictures embedded.", record.embedded)
    gauge("new_images", "Pictures never seen before.", record.new_images)
    gauge("refused_inputs", "Inputs refused.", record.refused_inputs())
    gauge("failed_sources", "Sources that could not be read.", len(record.failed))
    gauge("alerts", "New alerts.", len(record.alerts))
    entries = Gauge("traceobject_reindex_entries", "Entries by kind of change.", ["change"], registry=registry)
    for kind, count in record.totals().items():
        entries.labels(kind).set(count)
    steps = Gauge("traceobject_reindex_step_seconds", "How long each step took.", ["step"], registry=registry)
    for step, seconds in (record.steps or {}).items():
        steps.labels(step).set(seconds)
    if record.self_test:
        gauge("self_test_recall_at_1", "The live generation's self-test.", record.self_test["recall_at_1"])
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return ""


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
