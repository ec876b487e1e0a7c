"""The accounts of past nights: a folder of the workspace with one JSON file each, and the report of the last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.durable import write_file
from index.forget import Traces
from index.workspace import Workspace
from service.night.account import Account

KEPT = 100
_UNSENT = ".unsent"


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
        """Write an account; the oldest beyond KEPT go, with the note that they were not sent."""
        self.root.mkdir(exist_ok=True)
        path = self.root / f"{account.started.replace(':', '')}.json"
        write_file(path, account.to_json().encode())
        for old in self._files()[:-KEPT]:
            old.unlink(missing_ok=True)
            old.with_suffix(_UNSENT).unlink(missing_ok=True)
        return path

    def accounts(self) -> list[Account]:
        """All that are kept, the oldest first; a damaged file is left out."""
        return [account for path in self._files() if (account := _read(path))]

    def note_unsent(self, path: Path) -> None:
        """Remember that an account did not reach the webhook."""
        write_file(path.with_suffix(_UNSENT), b"")

    def unsent(self) -> list[tuple[Path, Account]]:
        """Accounts that did not reach the webhook, the oldest first."""
        notes = sorted(self.root.glob(f"*{_UNSENT}"))
        return [(note, found) for note in notes if (found := _read(note.with_suffix(".json")))]

    def forget(self, traces: Traces) -> None:
        """Delete what names the forgotten. The report of the last night goes: the next one writes it again."""
        for path in self._files():
            account = _read(path)
            if account is None:
                path.unlink(missing_ok=True)
            elif (without := account.without(traces)) != account:
                write_file(path, without.to_json().encode())
        self.report.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.root.glob("*.json"))


def _read(path: Path) -> Account | None:
    try:
        return Account.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
