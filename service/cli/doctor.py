"""doctor: check the installation and the workspace; each check says what it found and what to do."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

from embedding.encoders import registry
from embedding.errors import TraceObjectError
from index.generations.generations import live_number, open_live
from index.jobs.lost_records import require_records
from index.models import workspace_encoder
from index.records.catalogue import Catalogue
from index.stores.objects.protocol import ObjectRange
from index.stores.vectors import VectorStore
from index.workspace import Workspace
from service.app.gate import UPLOAD_THRESHOLD, gate_of
from service.app.upgrade import require_upgraded
from service.cli.exit_status import DONE, FAILED
from service.cli.streams import say

LOW_DISK = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    good: bool
    what: str
    detail: str


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Check the installation and the workspace.

    Libraries, models, the object store, records, vectors, the live generation, disk.
    """
    findings = list(_examine(context.obj))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.good else 'FAIL'}  {finding.what}: {finding.detail}")
    context.exit(DONE if all(finding.good for finding in findings) else FAILED)


def _examine(root: Path) -> Iterator[Finding]:
    yield _try("libraries", _libraries)
    yield _try("models", lambda: ", ".join(registry.names()))
    try:
        workspace = Workspace.open(root)
    except TraceObjectError as error:
        yield Finding(False, "workspace", str(error))
        return
    yield Finding(True, "workspace", f"{workspace.root}, model {workspace.settings.model}")
    if workspace.settings.objects:
        yield _try("objects", lambda: _objects(workspace))
    yield _try("gate", lambda: _gate(workspace))
    yield _try("records", lambda: _records(workspace))
    if workspace.settings.engine:
        yield _try("engine", lambda: _engine(workspace))
    yield _try("generation", lambda: _generation(workspace))
    if workspace.settings.model != "auto":
        yield _try("vectors", lambda: _vectors(workspace))
    free = shutil.disk_usage(workspace.root).free
    yield Finding(
        free > LOW_DISK, "disk", f"{free / 1e9:.1f} GB free; a re-index wants {LOW_DISK / 1e9:.0f} GB or more"
    )


def _try(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(True, what, check())
    except (TraceObjectError, ImportError, RuntimeError, metadata.PackageNotFoundError) as error:
        return Finding(False, what, str(error))


def _libraries() -> str:
    # Importing torchvision is a check in itself: it fails beside an incompatible torch.
    import torchvision  # noqa: F401

    names = ("torch", "torchvision", "open_clip_torch", "faiss-cpu", "numpy", "pillow", "fastapi")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


def _objects(workspace: Workspace) -> str:
    """Write, read, list and delete an object, as jobs do."""
    objects, content = workspace.objects, secrets.token_bytes(16)
    key = f"doctor/{content.hex()}"
    began = time.monotonic()
    version = objects.replace(key, content, None)
    objects.replace(key, content, version)
    if objects.get_ranges([ObjectRange(key, 0, 8)]) != [content[:8]]:
        raise RuntimeError(f"{objects.name} does not give back what was stored: another program writes there")
    if key not in {each.key for each in objects.list_objects("doctor")}:
        raise RuntimeError(f"{objects.name} does not list what was stored at once: use a store that does")
    objects.delete([key])
    return (
        f"{objects.name}: an object was stored, replaced, read, listed and deleted in {time.monotonic() - began:.2f} s"
    )


def _gate(workspace: Workspace) -> str:
    gate = gate_of(workspace, UPLOAD_THRESHOLD)
    if gate is None:
        return "off: photos and crops are not checked for faces"
    gate.load()
    return "pictures are checked for faces"


def _records(workspace: Workspace) -> str:
    require_upgraded(workspace)
    with Catalogue.open(workspace.database_url) as catalogue:
        require_records(workspace, catalogue)
        counts = ", ".join(f"{count} {name}" for name, count in catalogue.counts().items())
        return f"{counts} from {len(catalogue.sources())} sources; {len(catalogue.refusals())} inputs refused"


def _generation(workspace: Workspace) -> str:
    manifest = open_live(workspace).manifest
    return f"{manifest.generation}, made {manifest.created}, every file matches its manifest"


def _engine(workspace: Workspace) -> str:
    from index.generations.remote_engine import prove

    proven = prove(workspace, live_number(workspace))
    return f"{workspace.settings.engine} answers; {proven} rows there, each matches its checksum"


def _vectors(workspace: Workspace) -> str:
    _, encoder = workspace_encoder(workspace, say)
    store = VectorStore.open(workspace.objects, encoder.card)
    damaged = store.damaged()
    if damaged:
        raise RuntimeError(f"{len(damaged)} of {len(store)} are damaged: move the folder away and re-index")
    return f"{len(store)} embeddings of {encoder.card.name}, each matches its checksum"
