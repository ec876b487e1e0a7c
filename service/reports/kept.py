"""The accounts of past nights: a folder of the workspace with one JSON file each, and the report of the last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from index.jobs.forget import Traces
from index.stores.durable import sync_folder, write_file
from index.workspace import Workspace
from service.reports.account import Account

KEPT = 100


@dataclass(frozen=True)
class Nights:
    """The folder `nights` of a workspace: `<start>.json` each, the newest KEPT; `report.html` tells of the last."""

    root: Path

    @classmethod
    def of(cls, workspace: Workspace) -> Nights:
        return cls(workspace.root / "nights")

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    def keep(self, account: Account) -> Path:
        """Write an account; the oldest beyond KEPT go, with the notes that they were not sent."""
        self.root.mkdir(exist_ok=True)
        name = account.started.replace(":", "")
        # Two runs may begin within a second; the second must not take the alerts of the first with it.
        names = (f"{name}{'_' * again}.json" for again in count())
        path = next(path for path in (self.root / name for name in names) if not path.exists())
        write_file(path, account.to_json())
        for old in self._files()[:-KEPT]:
            for part in self.root.glob(f"{old.stem}.*"):
                part.unlink(missing_ok=True)
        return path

    def accounts(self) -> list[Account]:
        """All that are kept, the oldest first; a damaged file is left out."""
        return [account for path in self._files() if (account := _read(path))]

    def last_done(self) -> datetime | None:
        """When the last re-index that went well ended, in UTC; None where none is kept."""
        for path in reversed(self._files()):
            account = _read(path)
            if account is not None and account.outcome in ("published", "unchanged"):
                return datetime.fromisoformat(account.finished)
        return None

    def note_unsent(self, path: Path, channel: str) -> None:
        """Remember that an account did not reach a channel ("webhook", "mail")."""
        write_file(path.with_suffix(f".{channel}"), b"")

    def unsent(self, channel: str) -> list[tuple[Path, Account]]:
        """Accounts that did not reach a channel, with the note that says so, the oldest first."""
        notes = sorted(self.root.glob(f"*.{channel}"))
        return [(note, found) for note in notes if (found := _read(note.with_suffix(".json")))]

    def forget(self, traces: Traces) -> None:
        """Delete what names the forgotten. The report of the last night goes: the next one writes it again."""
        for path in self._files():
            account = _read(path)
            if account is None:
                path.unlink(missing_ok=True)
            elif (without := account.without(traces)) != account:
                write_file(path, without.to_json())
        # What a killed run left half written is nobody's any more.
        for path in (self.report, *self.root.glob(".*.part")):
            path.unlink(missing_ok=True)
        if self.root.exists():
            sync_folder(self.root)

    def _files(self) -> list[Path]:
        return sorted(self.root.glob("*.json"))


def _read(path: Path) -> Account | None:
    try:
        return Account.from_json(path.read_bytes())
    except (OSError, ValueError):
        return None
