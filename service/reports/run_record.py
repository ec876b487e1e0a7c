"""The record of one re-index: plain data, kept as JSON, shown as a page, sent as a message."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from index.jobs.alerts import Alert
from index.jobs.forget import Traces
from index.records.feed_records import Refusal

if TYPE_CHECKING:
    from index.jobs.reindex import Report

Outcome = Literal["published", "unchanged", "withheld", "failed"]
MAX_QUOTED = 50
"""Refusals quoted for each reason: a feed full of dead links must not make the record as long as the feed."""


@dataclass(frozen=True)
class RunRecord:
    """One re-index. Times are ISO 8601 in UTC; `seconds` and `steps` are durations in seconds.

    `outcome`: "published" a new generation; "unchanged": nothing to publish; "withheld": the new generation did not
    pass its self-test; "failed": the run ended with `error`. `generation` is the live one afterwards. `changes` are
    counts by source, `refusals` counts by reason, of which `refused` quotes the first MAX_QUOTED each; `alerts` are
    those that no earlier record reported.
    """

    started: str
    finished: str
    seconds: float
    outcome: Outcome
    model: str = ""
    generation: int | None = None
    error: str = ""
    changes: Mapping[str, Mapping[str, int]] | None = None
    new_images: int = 0
    embedded: int = 0
    refusals: Mapping[str, int] | None = None
    refused: tuple[Refusal, ...] = ()
    failed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    steps: Mapping[str, float] | None = None
    self_test: Mapping[str, float] | None = None
    alerts: tuple[Alert, ...] = ()

    @classmethod
    def of(cls, report: Report, alerts: tuple[Alert, ...], started: str, finished: str, seconds: float) -> Self:
        """The record of a run that completed."""
        outcome: Outcome = "published" if report.published else "withheld" if report.withheld else "unchanged"
        return cls(
            started=started,
            finished=finished,
            seconds=round(seconds, 3),
            outcome=outcome,
            model=report.model,
            generation=report.generation,
            error=report.withheld,
            changes={name: asdict(changes) for name, changes in report.changes.items()},
            new_images=report.new_images,
            embedded=report.embedded,
            refusals=dict(Counter(refusal.reason for refusal in report.refused).most_common()),
            refused=tuple(_quoted(report.refused)),
            failed=report.failed,
            warnings=report.warnings,
            steps={name: round(spent, 3) for name, spent in report.seconds.items()},
            self_test=asdict(report.self_test) if report.self_test else None,
            alerts=alerts,
        )

    def totals(self) -> dict[str, int]:
        """Entries added, changed, gone, unchanged and expired, over all sources."""
        by_source = (self.changes or {}).values()
        return {
            kind: sum(counts[kind] for counts in by_source)
            for kind in ("added", "changed", "gone", "unchanged", "expired")
        }

    def refused_inputs(self) -> int:
        """How many inputs were refused, whatever the reason."""
        return sum((self.refusals or {}).values())

    def quoted(self, reason: str) -> list[Refusal]:
        """The quoted refusals of a reason."""
        return [refusal for refusal in self.refused if refusal.reason == reason]

    def worth_a_message(self) -> bool:
        """Whether to send a message: a run without alerts, failures or warnings needs none."""
        return bool(self.alerts or self.failed or self.warnings or self.outcome in ("withheld", "failed"))

    def without(self, traces: Traces) -> RunRecord:
        """The record without entries and sources that are being forgotten.

        A refusal does not name its source, so forgetting a source removes all quoted refusals; the next run
        quotes those that are still refused.
        """
        entries = {(name.source, name.entry_id) for name in traces.targets if name.entry_id}
        sources = {name.source for name in traces.targets if not name.entry_id}

        def names(alert: Alert) -> bool:
            both = {(alert.source, alert.product_id), (alert.object_source, alert.object_id)}
            return bool(both & entries) or bool({alert.source, alert.object_source} & sources)

        def kept(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text for text in texts if not traces.in_text(text))

        return replace(
            self,
            changes=None if self.changes is None else {k: v for k, v in self.changes.items() if k not in sources},
            refused=() if sources else tuple(r for r in self.refused if not traces.in_text(f"{r.where} {r.message}")),
            alerts=tuple(alert for alert in self.alerts if not names(alert)),
            steps=None if self.steps is None else {k: v for k, v in self.steps.items() if not traces.in_text(k)},
            failed=kept(self.failed),
            warnings=kept(self.warnings),
            error="" if traces.in_text(self.error) else self.error,
        )

    def to_json(self) -> bytes:
        """As JSON in UTF-8; undecodable bytes of file names are written as escapes."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode(errors="backslashreplace")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is not such a record.
        """
        try:
            raw: dict[str, Any] = json.loads(data)
            for name in ("failed", "warnings"):
                raw[name] = tuple(raw[name])
            raw["refused"] = tuple(Refusal(**one) for one in raw["refused"])
            raw["alerts"] = tuple(Alert(**one) for one in raw["alerts"])
            return cls(**raw)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the record of a re-index: {error}") from error

    def summary(self) -> str:
        """One line: the outcome; line breaks within an error are replaced by spaces."""
        outcome = {
            "published": f"generation {self.generation} published",
            "unchanged": f"nothing changed; generation {self.generation} stays live",
            "withheld": f"not published: {self.error}",
            "failed": f"failed: {self.error}",
        }[self.outcome]
        found = f"{len(self.alerts)} alert{'s' if len(self.alerts) != 1 else ''}, " if self.alerts else ""
        return " ".join(f"{found}{outcome}".split())


def _quoted(refused: Iterable[Refusal]) -> Iterable[Refusal]:
    count: Counter[str] = Counter()
    for refusal in refused:
        count[refusal.reason] += 1
        if count[refusal.reason] <= MAX_QUOTED:
            yield refusal
