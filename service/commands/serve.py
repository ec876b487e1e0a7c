"""serve: the same answers over HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from index.workspace import Workspace
from service.serve import HOST, PORT
from service.serve import serve as run_server


@click.command()
@click.option(
    "--host",
    default=HOST,
    show_default=True,
    help="The address to listen on; another than this machine's own needs users.",
)
@click.option("--port", default=PORT, show_default=True, help="The port; 0 takes a free one and prints it.")
@click.pass_obj
def serve(root: Path, host: str, port: int) -> None:
    """Answer over HTTP; documented at /docs. New generations are picked up as they are published."""
    run_server(Workspace.open(root), host, port)
