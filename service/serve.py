"""Runs the server: one process, one model, one workspace."""

from __future__ import annotations

import gc
import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from types import FrameType

import uvicorn

from embedding.errors import TraceObjectError
from index.models import workspace_encoder
from index.search.rerank import reranker_for
from index.search.text_evidence import text_reader_for
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.addresses import HOST, PORT, is_loopback
from service.app.gate import UPLOAD_THRESHOLD, gate_of
from service.app.stopping import Stopping
from service.app.upgrade import require_upgraded
from service.application import create_app
from service.http.logs import configure_logs
from service.http.protocol import BoundedHttpProtocol
from service.tables import open_service_database

# How long running requests may take to end after the signal to stop.
GRACE_SECONDS = 20
SINGLE_USER = (
    "single-user mode: there are no users, so whoever can reach this address, which is this machine's own, "
    "may search without signing in"
)


class ServeRefused(TraceObjectError):
    """The server cannot listen on the given address and port."""


def serve(
    workspace: Workspace,
    host: str = HOST,
    port: int = PORT,
    say: Callable[[str], None] | None = None,
    *,
    drain_seconds: float = 0.0,
) -> None:
    """Serve a workspace over HTTP until SIGINT or SIGTERM; running requests are finished first.

    Args:
        port: 0 takes any free one.
        drain_seconds: how long to go on answering after SIGTERM, while /readyz says that this server is stopping.
        say: called with messages for the operator; by default they go to stderr.

    Raises:
        ServeRefused: the address is not loopback and there are no users, or it cannot be listened on.
        SchemaOutdated: a database has to be upgraded first.
        ModelUnavailable: the model or the face detector cannot be loaded.
    """
    say = say or _to_stderr
    require_upgraded(workspace)
    with closing(open_service_database(workspace)) as database:
        users = Accounts(database).exist()
    if not users:
        require_loopback(host)
    with _listening(host, port) as listener:
        say("sign-in at /sign-in" if users else SINGLE_USER)
        say(f"loading the model ({workspace.settings.model}) ...")
        workspace, encoder = workspace_encoder(workspace, say)
        if reranker := reranker_for(workspace):
            reranker.warm()
        if text_reader := text_reader_for(workspace):
            text_reader.warm()
        if gate := gate_of(workspace, UPLOAD_THRESHOLD):
            gate.load()
        bound_host, bound_port = listener.getsockname()[:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        local = is_loopback(host)
        # Other addresses require sign-in, so DNS rebinding is no danger there and any host name is accepted.
        hosts = {"localhost", "127.0.0.1", "[::1]", shown} if local else None
        stopping = Stopping()
        app = create_app(
            workspace,
            encoder,
            reranker,
            text_reader=text_reader,
            gate=gate,
            hosts=hosts,
            single_user=local,
            stopping=stopping,
        )
        configure_logs()
        config = uvicorn.Config(
            app,
            http=BoundedHttpProtocol,
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(workspace.settings.trusted_proxies),
            forwarded_allow_ips=list(workspace.settings.trusted_proxies),
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        ready = partial(say, f"listening on http://{shown}:{bound_port} (documentation: /docs)")
        server = _Server(config, ready, stopping, drain_seconds)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            # uvicorn has shut down cleanly and raises the signal again.
            say("stopped")


def require_loopback(host: str) -> None:
    """Refuse an address that other machines can reach.

    Raises:
        ServeRefused: it is not a loopback address.
    """
    if not is_loopback(host):
        raise ServeRefused(
            f"will not listen on {host}: there are no users yet, so whoever reaches it could search without signing "
            "in; add one with `traceobject users add`, or use 127.0.0.1"
        )


class _Server(uvicorn.Server):
    """Calls `ready` once it accepts requests, and goes on for a while after SIGTERM: see `serve`."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], object], stopping: Stopping, drain_seconds: float
    ) -> None:
        super().__init__(config)
        self._ready, self._stopping, self._drain_seconds = ready, stopping, drain_seconds
        self._stop_at = math.inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self._drain_seconds > 0 and not self._stopping.now:
            self._stop_at = time.monotonic() + self._drain_seconds
            self._stopping.now = True
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if time.monotonic() >= self._stop_at and not self.should_exit:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # All objects so far live as long as the process; freezing them keeps garbage collection short during requests.
        gc.freeze()
        gc.enable()
        self._ready()


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket; connections are accepted once the server runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # asyncio sets this only on sockets with an explicit protocol; without it each response waits for a delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServeRefused(f"cannot listen on {host}, port {port}: {reason}; choose another port") from error


def _to_stderr(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
