"""One re-index on Ray in a process of its own, which can be killed; what is embedded is logged, and takes a while."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

from index.errors import WorkspaceError
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.stores.objects.folder import FolderObjects
from index.workers.opening import open_workers
from index.workspace import Workspace
from tests.fakes import ColourEncoder

FAILED = 9


class LoggedEncoder(ColourEncoder):
    """Colours as vectors; `log` gets a file from each process, a line for each picture. Takes `seconds` a picture."""

    def __init__(self, log: str, seconds: float = 0.0) -> None:
        super().__init__()
        self.log, self.seconds = log, seconds

    def encode_images(self, images):
        time.sleep(self.seconds * len(images))
        with (Path(self.log) / str(os.getpid())).open("a") as file:
            file.writelines(f"{hashlib.sha256(image.tobytes()).hexdigest()}\n" for image in images)
        return super().encode_images(images)


def say(line: str) -> None:
    """Write a line for whoever started this process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    root, where, log, seconds = sys.argv[1:]
    workspace = Workspace.open(Path(root))
    encoder = LoggedEncoder(log, float(seconds))
    try:
        with open_workers(where, FolderObjects(workspace.root), say) as workers:
            report = reindex(workspace, encoder, Unwatched(), today=date(2026, 1, 5), workers=workers)
    except WorkspaceError as error:
        say(f"failed: {error}")
        os._exit(FAILED)
    say(json.dumps(asdict(report)))


if __name__ == "__main__":
    main()
