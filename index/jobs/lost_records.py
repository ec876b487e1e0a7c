"""A catalogue that lost its records, as a failed copy or an empty database leaves it beside a live generation."""

from __future__ import annotations

from index.errors import GenerationError, WorkspaceError
from index.generations import generations
from index.generations.manifest import Manifest
from index.records.catalogue import Catalogue
from index.workspace import Workspace


def require_records(workspace: Workspace, catalogue: Catalogue) -> None:
    """Refuse to work on a catalogue without any source where a live generation was built from some.

    A job would take all of it as gone, and forget what was forgotten, which would come back with its feeds.

    Raises:
        WorkspaceError: the records are lost.
    """
    if catalogue.sources():
        return
    try:
        number = generations.live_number(workspace)
        entries = 0 if number is None else _entries(Manifest.read(generations.folder_of(workspace, number, ())))
    except GenerationError:
        # Without a readable manifest nothing tells of records that should be there.
        return
    if entries:
        raise WorkspaceError(
            f"the records of {workspace.root} are lost: generation {number} was built from {entries} entries, and the "
            "catalogue names no source: restore it from a backup (docs/operations.md); or, to begin anew, make another "
            "workspace with `traceobject init`"
        )


def _entries(manifest: Manifest) -> int:
    return sum(part.entries for part in manifest.collections.values())
