"""allow: a curator lets a published crop in that the gate holds."""

from __future__ import annotations

from pathlib import Path

import click

from index.catalogue import Catalogue
from index.gate import let_pass
from index.workspace import Workspace
from service.progress import say


@click.command()
@click.argument("sha256")
@click.pass_obj
def allow(root: Path, sha256: str) -> None:
    """Let a published crop in that is held because it seems to show a face, by its SHA-256: a doll, a print."""
    workspace = Workspace.open(root)
    with workspace.lock("allow"), Catalogue.open(workspace.database_url) as catalogue:
        let_pass(catalogue, sha256)
    say(f"{sha256} may come in. Next: traceobject reindex")
