"""Run the server: one process, one model, one workspace."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable
from contextlib import closing

import uvicorn

from embedding.errors import TraceObjectError
from index.models import workspace_encoder
from index.search.rerank import reranker_for
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.addresses import HOST, PORT, is_loopback
from service.app.gate import UPLOAD_THRESHOLD, gate_of
from service.application import create_app
from service.http.logs import configure_logs
from service.tables import open_service_database

# How long requests under way may take to end when the server is told to stop.
GRACE_SECONDS = 20
SINGLE_USER = (
    "single-user mode: there are no users, so whoever can reach this address, which is this machine's own, "
    "may search without signing in"
)


class ServeRefused(TraceObjectError):
    """The server cannot start where it was told to."""


def serve(workspace: Workspace, host: str = HOST, port: int = PORT, say: Callable[[str], None] | None = None) -> None:
    """Serve a workspace over HTTP until told to stop (SIGINT, SIGTERM); requests under way are finished first.

    Args:
        port: 0 takes any free one.
        say: told what a person should know; lines on stderr by default.

    Raises:
        ServeRefused: the address is not loopback and there are no users, or cannot be had.
        ModelUnavailable: the model or the face detector cannot be loaded.
    """
    say = say or _to_stderr
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
        if gate := gate_of(workspace, UPLOAD_THRESHOLD):
            gate.load()
        bound_host, bound_port = listener.getsockname()[:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        local = is_loopback(host)
        # Elsewhere a reader has to sign in, so a name that is pointed at this server gains nothing.
        hosts = {"localhost", "127.0.0.1", "[::1]", shown} if local else None
        app = create_app(workspace, encoder, reranker, gate=gate, hosts=hosts, single_user=local)
        configure_logs()
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(workspace.settings.trusted_proxies),
            forwarded_allow_ips=list(workspace.settings.trusted_proxies),
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = _Server(config, lambda: say(f"listening on http://{shown}:{bound_port} (documentation: /docs)"))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            # uvicorn has shut down in order and raises the signal again.
            say("stopped")


def require_loopback(host: str) -> None:
    """Refuse an address that others can reach.

    Raises:
        ServeRefused: it is not this machine's own.
    """
    if not is_loopback(host):
        raise ServeRefused(
            f"will not listen on {host}: there are no users yet, so whoever reaches it could search without signing "
            "in; add one with `traceobject users add`, or use 127.0.0.1"
        )


class _Server(uvicorn.Server):
    """Tells when it takes requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is here by now stays: no request waits while it is looked through for garbage.
        gc.freeze()
        gc.enable()
        self._ready()


def _listening(host: str, port: int) -> socket.socket:
    """A bound socket; nothing is accepted before the server runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # asyncio turns this on only where a socket names its protocol: else each answer waits 40 ms for a delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServeRefused(f"cannot listen on {host}, port {port}: {reason}; choose another port") from error


def _to_stderr(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
