"""Real servers: one in a thread of this process, one in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import uvicorn
from fastapi import FastAPI

from index.workspace import Workspace
from service import serve as serve_module
from tests.fakes import ColourEncoder
from tests.paths import ROOT


@contextmanager
def in_a_thread(app: FastAPI) -> Iterator[int]:
    """Serve an application with uvicorn; gives its port on 127.0.0.1."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, server_header=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


@contextmanager
def in_a_process(
    workspace: Path, errors: Path, drain_seconds: float = 0.0
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run service.serve.serve with the colour encoder in its own process; gives it and the address that it listens on.

    What it writes to stderr goes to the file `errors`.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with errors.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.running", str(workspace), str(drain_seconds)],
            stderr=file,
            cwd=ROOT,
            env=environment,
        )
    try:
        # Long enough for a busy machine.
        deadline = time.monotonic() + 300
        while not (found := re.search(r"listening on (http://\S+)", errors.read_text(encoding="utf-8"))):
            assert process.poll() is None, errors.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)


def main() -> None:
    with patch.object(serve_module, "workspace_encoder", lambda workspace, say: (workspace, ColourEncoder())):
        serve_module.serve(Workspace.open(Path(sys.argv[1])), port=0, drain_seconds=float(sys.argv[2]))


if __name__ == "__main__":
    main()
