"""serve: run the HTTP server."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from index.workspace import Workspace
from service.addresses import HOST, PORT


@click.command()
@click.option(
    "--host",
    default=HOST,
    show_default=True,
    help="The address to listen on; another than this machine's own needs users.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=PORT,
    show_default=True,
    help="The port; 0 takes a free one and prints it.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 3600),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="After SIGTERM, go on answering so long, while /readyz tells a load balancer to ask other servers.",
)
@click.pass_obj
def serve(root: Path, host: str, port: int, drain: float) -> None:
    """Answer over HTTP; documented at /docs. New generations are picked up as they are published."""
    # Objects made during the start live as long as the process; collecting garbage among them would take a fifth of
    # the start-up time. The server turns the collector on again once it is ready.
    gc.disable()
    from service.serve import serve as run_server

    run_server(Workspace.open(root), host, port, drain_seconds=drain)
