"""Whether the last successful re-index is too long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from index.workspace import Workspace
from service.reports.run_history import RunHistory


def stale_since(workspace: Workspace) -> datetime | None:
    """When the last successful re-index ended, if that is longer ago than the setting `stale_hours`; else None.

    A workspace without a recorded run, such as the demo, is never stale.
    """
    hours = workspace.settings.stale_hours
    ended = RunHistory.of(workspace).last_success() if hours > 0 else None
    return ended if ended and datetime.now(UTC) - ended > timedelta(hours=hours) else None
