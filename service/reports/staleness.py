"""Is the index as fresh as it should be?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from index.workspace import Workspace
from service.reports.kept import Nights


def stale_since(workspace: Workspace) -> datetime | None:
    """When the last re-index that went well ended, if the setting `stale_hours` finds that too long ago; else None.

    A workspace that keeps no account of a night, such as the demo, is never stale.
    """
    hours = workspace.settings.stale_hours
    ended = Nights.of(workspace).last_done() if hours > 0 else None
    return ended if ended and datetime.now(UTC) - ended > timedelta(hours=hours) else None
