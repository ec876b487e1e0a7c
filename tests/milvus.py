"""A Milvus server of the tests' own: the package `milvus`, a folder that is deleted, free ports of this machine."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embedding.encoders.protocol import Vectors
from index.engines.protocol import Rows
from index.engines.row_fields import AFTER_ALL, BEFORE_ALL, RowFields, token

if TYPE_CHECKING:
    from index.engines.milvus.building import RowSource, SegmentWriter
    from index.engines.milvus.engine import MilvusEngine

# A session that ended is noticed after seconds instead of half a minute, and what was dropped is deleted at once.
_CHANGED = {
    "common.session.ttl": 5,
    "queryCoord.distPullInterval": 100,
    "dataCoord.gc.interval": 3,
    "dataCoord.gc.missingTolerance": 1,
    "dataCoord.gc.dropTolerance": 1,
}
# Less is waited for between the steps of writing and loading; these are not in the file that the package has.
_ADDED = {
    "queryCoord:": "  checkSegmentInterval: 100\n  checkChannelInterval: 100",
    "dataCoord:": "  segmentFlushInterval: 0",
}
_START_SECONDS = 90


class Server:
    """A running server; `data` holds all that it stores."""

    def __init__(self, folder: Path) -> None:
        import milvus

        self.data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        config = milvus.MilvusServerConfig()
        ports = _free_ports(len(config.configurable_items) + 1)
        for name in config.configurable_items:
            if name.endswith("_port"):
                config.set(name, ports.pop())
        for name, value in _CHANGED.items():
            config.set(name, value)
        config.update(data_dir=str(folder))
        config.resolve()
        settings = folder / "configs" / "milvus.yaml"
        lines = settings.read_text(encoding="utf-8").splitlines()
        settings.write_text("\n".join(f"{line}\n{_ADDED.get(line, '')}" for line in lines), encoding="utf-8")
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
            self._process = process = subprocess.Popen(
                [self._folder / "bin" / "milvus", "run", "standalone"],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError((self._folder / "log").read_text(errors="replace")[:3000])
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server as a crash does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def clear(self) -> None:
        """Drop everything that is on the server, which is started first where a test left it stopped."""
        from pymilvus import MilvusClient

        if self._process is not None and self._process.poll() is not None:
            self.start()
        client = MilvusClient(f"http://127.0.0.1:{self.port}", timeout=60)
        for name in client.list_collections():
            client.drop_collection(name)
        client.close()

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
    # One of its ports is the same for every server, so that there is one at a time on a machine.
    with (Path(tempfile.gettempdir()) / "traceobject-milvus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("pymilvus.client.grpc_handler.time", _Impatient())
            yield from _running()


class _Impatient:
    """The module `time` for pymilvus, which asks every half second whether an index is built or a segment flushed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))


def _running() -> Iterator[Server]:
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


def fields_of(row: int) -> RowFields:
    """What a row is kept with: two rows are of one entry, and some of unknown days."""
    return RowFields(
        row // 2,
        tuple(sorted({token("brand", f"b{row % 7}"), token("country", f"c{row % 3}"), token("forget", str(row // 2))})),
        BEFORE_ALL if row % 11 == 0 else 737_000 + row % 100,
        AFTER_ALL if row % 13 == 0 else 738_000 + row % 100,
    )


def source_of(vectors: Vectors, rows: Rows | None = None) -> RowSource:
    """Rows to write: of all vectors, float32 [n, d], or some; each with `fields_of` it."""
    from index.engines.milvus.building import RowSource
    from index.engines.milvus.segments import Batch

    chosen = np.arange(len(vectors)) if rows is None else rows

    def read(places: Rows) -> Batch:
        some = chosen[places].tolist()
        return Batch(
            chosen[places],
            np.asarray(vectors[chosen[places]], np.float32),
            tuple(f"{row:064x}" for row in some),
            ("0.0,0.0,1.0,1.0",) * len(some),
            tuple(map(fields_of, some)),
        )

    return RowSource(chosen, read)


def writer(server: Server, dimension: int) -> SegmentWriter:
    """What writes segments there, all of a name that nothing else has."""
    from index.engines.milvus.building import SegmentWriter
    from index.engines.milvus.connection import connection_to

    return SegmentWriter(connection_to(server.url), f"traceobject_{secrets.token_hex(6)}", dimension)


class OnMilvus:
    """The engine on a server, in two segments, as the contract builds engines; made once for equal vectors."""

    def __init__(self, server: Server) -> None:
        self.__name__, self._server = "OnMilvus", server
        self._built: dict[bytes, MilvusEngine] = {}

    def build(self, vectors: Vectors) -> MilvusEngine:
        key = vectors.tobytes()
        if key not in self._built:
            writing, first = writer(self._server, vectors.shape[1]), 2 * len(vectors) // 3
            base = writing.build(source_of(vectors[:first]), 1)[0]
            self._built[key] = writing.extend(base, np.arange(first), source_of(vectors))
        return self._built[key]

    def open(self, path: Path, spec: str) -> MilvusEngine:
        from index.engines.milvus.engine import MilvusEngine

        return MilvusEngine.open(path, spec, self._server.url)


def on_server(url: str, prefix: str) -> set[str]:
    """The segments on a server whose names begin with that."""
    from index.engines.milvus.connection import connection_to

    with connection_to(url).client() as client:
        return {name for name in client.list_collections() if name.startswith(f"{prefix}_")}
