"""generations: list, show, verify and roll back the published builds of the index."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from index.errors import GenerationError
from index.generations import generations as builds
from index.generations.manifest import Manifest
from index.models import require_served
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.publications import publication_record
from service.app.upgrade import open_for_writing
from service.cli.streams import say
from service.tables import open_service_database


@click.group()
def generations() -> None:
    """List, show, verify and roll back the published builds of the index."""


@generations.command("list")
@click.pass_obj
def list_(root: Path) -> None:
    """List the generations on disk; the live one is marked."""
    workspace = Workspace.open(root)
    live = builds.live_number(workspace)
    for number in builds.numbers(workspace):
        manifest = Manifest.read(builds.folder_of(workspace, number, ()))
        counts = ", ".join(f"{part.entries} {name}" for name, part in manifest.collections.items())
        click.echo(f"{'*' if number == live else ' '} {number:4d}  {manifest.created}  {manifest.model}  {counts}")


@generations.command()
@click.argument("number", type=int, required=False)
@click.pass_obj
def show(root: Path, number: int | None) -> None:
    """Print a generation's manifest as JSON; without NUMBER the live one's."""
    click.echo(json.dumps(asdict(Manifest.read(_folder(Workspace.open(root), number))), indent=2))


@generations.command()
@click.argument("number", type=int, required=False)
@click.pass_obj
def verify(root: Path, number: int | None) -> None:
    """Compare every file of a generation with its manifest; without NUMBER the live one's."""
    folder = _folder(Workspace.open(root), number)
    manifest = Manifest.read(folder)
    manifest.verify(folder)
    click.echo(f"generation {manifest.generation} is whole: {len(manifest.files)} files")


@generations.command()
@click.argument("number", type=int, required=False)
@click.pass_obj
def rollback(root: Path, number: int | None) -> None:
    """Make an older generation live again; without NUMBER the one before the live one.

    One that a server could not answer from is refused: damaged, of another model, or of a newer version.
    """
    workspace = open_for_writing(root, say)

    def require(manifest: Manifest) -> None:
        require_served(workspace, manifest.model, manifest.model_sha256, say)

    with workspace.lock("rollback"), closing(open_service_database(workspace)) as database:
        record = publication_record(Audit(database), "rollback")
        click.echo(f"generation {builds.rollback(workspace, number, require, record)} is live")


def _folder(workspace: Workspace, number: int | None) -> Path:
    chosen = builds.live_number(workspace) if number is None else number
    if chosen is None or chosen not in builds.numbers(workspace):
        kept = ", ".join(map(str, builds.numbers(workspace))) or "none"
        raise GenerationError(f"no generation {'is live' if chosen is None else chosen}; kept are: {kept}")
    return builds.folder_of(workspace, chosen)
