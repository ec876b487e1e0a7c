"""The records of past re-indexes: a folder of the workspace with one JSON file each, and the last HTML report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from index.jobs.forget import Traces
from index.stores.durable import sync_folder, write_file
from index.workspace import Workspace
from service.reports.run_record import RunRecord

MAX_RECORDS = 100
# Clocks of two machines that share a workspace differ by less.
_CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True)
class RunHistory:
    """The folder `nights` of a workspace: `<start>.json` for each of the last MAX_RECORDS runs, and `report.html`."""

    root: Path

    @classmethod
    def of(cls, workspace: Workspace) -> RunHistory:
        return cls(workspace.root / "nights")

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    def add(self, record: RunRecord) -> Path:
        """Write a record; the oldest beyond MAX_RECORDS are deleted, with their markers of failed deliveries."""
        self.root.mkdir(exist_ok=True)
        name = record.started.replace(":", "")
        # Two runs may begin within one second; the second must not overwrite the record of the first.
        names = (f"{name}{'_' * again}.json" for again in count())
        path = next(path for path in (self.root / name for name in names) if not path.exists())
        write_file(path, record.to_json())
        for old in self._files()[:-MAX_RECORDS]:
            for part in self.root.glob(f"{old.stem}.*"):
                part.unlink(missing_ok=True)
        return path

    def records(self) -> list[RunRecord]:
        """All records, the oldest first; damaged files are left out."""
        return [record for path in self._files() if (record := _read(path))]

    def last_success(self) -> datetime | None:
        """When the last successful re-index ended, in UTC; None where no record has one.

        A run that ended in the future, by a clock that was ahead, does not count.
        """
        now = datetime.now(UTC)
        for path in reversed(self._files()):
            record = _read(path)
            if record is not None and record.outcome in ("published", "unchanged"):
                finished = datetime.fromisoformat(record.finished)
                if finished <= now + _CLOCK_SKEW:
                    return finished
        return None

    def mark_unsent(self, path: Path, channel: str) -> None:
        """Mark a record as not delivered to a channel ("webhook", "mail")."""
        write_file(path.with_suffix(f".{channel}"), b"")

    def unsent(self, channel: str) -> list[tuple[Path, RunRecord]]:
        """The records that were not delivered to a channel, each with its marker file, the oldest first."""
        markers = sorted(self.root.glob(f"*.{channel}"))
        return [(marker, record) for marker in markers if (record := _read(marker.with_suffix(".json")))]

    def forget(self, traces: Traces) -> None:
        """Remove forgotten entries from all records. The HTML report is deleted; the next run writes a new one."""
        for path in self._files():
            record = _read(path)
            if record is None:
                path.unlink(missing_ok=True)
            elif (without := record.without(traces)) != record:
                write_file(path, without.to_json())
        # Temporary files of a run that was killed may name the forgotten entries too.
        for path in (self.report, *self.root.glob(".*.part")):
            path.unlink(missing_ok=True)
        if self.root.exists():
            sync_folder(self.root)

    def _files(self) -> list[Path]:
        return sorted(self.root.glob("*.json"))


def _read(path: Path) -> RunRecord | None:
    try:
        return RunRecord.from_json(path.read_bytes())
    except (OSError, ValueError):
        return None
