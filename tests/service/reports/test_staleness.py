"""Whether the last re-index is too long ago, also where a clock was ahead."""

from pathlib import Path

from index.workspace import Workspace
from service.reports.run_history import RunHistory
from service.reports.run_record import RunRecord
from service.reports.staleness import stale_since


def test_a_run_of_the_future_hides_no_staleness(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    history = RunHistory.of(workspace)
    for day in ("2020-01-05", "2136-02-07"):
        history.add(RunRecord(f"{day}T02:30:00+00:00", f"{day}T02:40:00+00:00", 600.0, "published", generation=1))
    assert str(stale_since(workspace)).startswith("2020-01-05")
