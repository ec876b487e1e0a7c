"""A Ray cluster on this machine, a head and nodes of one processor each, all of which can be killed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ray.cluster_utils import Cluster

from tests.paths import ROOT

# Beside them run agents, without which a node ends.
_WORKERS = ("ray::IDLE", "ray::compute_partition")
_MEMORY = {"object_store_memory": 100_000_000}


Started = TypeVar("Started")


def patiently(start: Callable[[], Started]) -> Started:
    """What `start` returns, in three tries: Ray gives a node half a minute to start, too little on a busy machine."""
    for tries_left in (2, 1, 0):
        try:
            return start()
        except Exception as error:
            if not tries_left or "timed out during startup" not in str(error):
                raise
    raise AssertionError


class LocalCluster:
    """Started at once, with `nodes` nodes. `address` is that of its client port, also after the head was replaced."""

    def __init__(self, nodes: int = 2) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Its processes import this tree.
        os.environ["PYTHONPATH"] = str(ROOT)
        self.size, self.port = nodes, _free_port()
        self.start()

    @property
    def address(self) -> str:
        return f"ray://127.0.0.1:{self.port}"

    def start(self) -> None:
        head = {"num_cpus": 0, "include_dashboard": False, "ray_client_server_port": self.port, **_MEMORY}
        self._cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        self.nodes = [self._add() for _ in range(self.size)]

    def kill_head(self) -> None:
        """Kill the head and what runs on it; nodes without a head end, too, and a new head needs new ones."""
        for node in [self._cluster.head_node, *self.nodes]:
            _kill(node)

    def kill_node(self, number: int = 0) -> None:
        """Kill a node with its workers, as a machine that loses its power."""
        _kill(self.nodes.pop(number))

    def add_node(self) -> None:
        self.nodes.append(self._add())

    def workers(self) -> list[int]:
        """The processes that compute on the nodes."""
        raylets = {info.process.pid for node in self.nodes for info in node.all_processes.get("raylet", [])}
        return [pid for pid, parent, name in _processes() if parent in raylets and name.startswith(_WORKERS)]

    def stop(self) -> None:
        self.kill_head()

    def _add(self):
        return patiently(lambda: self._cluster.add_node(num_cpus=1, **_MEMORY))


def _kill(node) -> None:
    """Kill the processes of a node, and those that they started."""
    first = {info.process.pid for infos in node.all_processes.values() for info in infos}
    doomed, found = set(first), True
    while found:
        found = {pid for pid, parent, _ in _processes() if parent in doomed} - doomed
        doomed |= found
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for infos in node.all_processes.values():
        for info in infos:
            info.process.wait()


def _processes() -> list[tuple[int, int, str]]:
    """Every process, its parent and its command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            found.append((int(path.name), parent, (path / "cmdline").read_bytes().decode(errors="replace")))
    return found


def _free_port() -> int:
    """A port outside of those that Ray gives to its workers."""
    for port in range(21_001, 29_999):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) != 0:
                with suppress(OSError), socket.socket() as bound:
                    bound.bind(("0.0.0.0", port))
                    return port
    raise RuntimeError("no port is free")
