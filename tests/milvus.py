"""A Milvus server of the tests' own: the package `milvus`, a folder that is deleted, free ports of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

# A session that ended is noticed after seconds instead of half a minute, and what was dropped is deleted at once.
_OPTIONS = {
    "common.session.ttl": 5,
    "queryCoord.checkInterval": 100,
    "queryCoord.distPullInterval": 100,
    "dataCoord.gc.interval": 3,
    "dataCoord.gc.missingTolerance": 1,
    "dataCoord.gc.dropTolerance": 1,
}
_START_SECONDS = 90


class Server:
    """A running server; `data` holds all that it stores."""

    def __init__(self, folder: Path) -> None:
        import milvus

        self.data, self._process = folder / "data", None
        config = milvus.MilvusServerConfig()
        ports = _free_ports(len(config.configurable_items) + 1)
        for name in config.configurable_items:
            if name.endswith("_port"):
                config.set(name, ports.pop())
        for name, value in _OPTIONS.items():
            config.set(name, value)
        config.update(data_dir=str(folder))
        config.resolve()
        milvus._initialize_data_files(str(folder))
        self.port, self._folder = int(config.get("proxy_port")), folder
        libraries = f"{folder / 'bin'}:{os.environ.get('LD_LIBRARY_PATH', '')}"
        self._environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(ports.pop()),
            "HOME": str(folder),
            "LD_LIBRARY_PATH": libraries,
        }

    @property
    def url(self) -> str:
        return f"milvus://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it answers; what it has loaded before it may still be loading."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._folder / "bin" / "milvus", "run", "standalone"],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError((self._folder / "log").read_text(errors="replace")[-500:])
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server as a crash does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        from pymilvus import MilvusClient, MilvusException

        try:
            client = MilvusClient(f"http://127.0.0.1:{self.port}", timeout=2)
        except MilvusException:
            return False
        client.close()
        return True


@contextmanager
def running() -> Iterator[Server]:
    """Start a server and stop it; where none can be started, the test is skipped and says why."""
    for package in ("pymilvus", "milvus"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install {package}")
    folder = Path(tempfile.mkdtemp(prefix="traceobject-milvus-"))
    server = None
    try:
        server = Server(folder)
        try:
            server.start()
        except (OSError, TimeoutError) as error:
            pytest.skip(f"Milvus does not start here: {error}")
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
