"""Is the index as fresh as it should be?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from index.workspace import Workspace
from service.night.kept import Nights

_DONE = ("published", "unchanged")


def stale_since(workspace: Workspace) -> datetime | None:
    """When the last re-index that went well ended, if the setting `stale_hours` finds that too long ago; else None.

    A workspace that keeps no account of a night, such as the demo, is never stale.
    """
    hours = workspace.settings.stale_hours
    kept = Nights.of(workspace).accounts() if hours > 0 else []
    ended = [datetime.fromisoformat(account.finished) for account in kept if account.outcome in _DONE]
    if not ended or datetime.now(UTC) - max(ended) <= timedelta(hours=hours):
        return None
    return max(ended)
