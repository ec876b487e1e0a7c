"""What no entry shows any more is deleted: references, copies, local features, embeddings.

An image is shown as long as an entry of the catalogue or of a generation on disk shows it: an older generation can be
rolled back to, with its pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from index.generations import generations
from index.records.catalogue import Catalogue
from index.records.schema import images, origins, pictures
from index.stores.durable import sync_folder
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.vectors import VectorStore
from index.workspace import Workspace

# Writing a shard anew costs as much as reading all of it: embeddings of no use wait until they are this many.
IDLE = 0.1
_NAMED = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Swept:
    """What was deleted: copies of pictures, and embeddings of any model."""

    images: int
    embeddings: int


def sweep(workspace: Workspace, catalogue: Catalogue, *, thorough: bool = False) -> Swept:
    """Delete what no entry shows any more.

    `thorough` looks at every file, so that what no record tells of goes too, and leaves no embedding behind.

    Raises:
        WorkspaceError, OSError: something cannot be deleted; run it again.
    """
    shown = set(catalogue.images()).union(*(records.images() for records in generations.records(workspace)))
    with catalogue.database.begin() as connection:
        orphaned = ~sa.exists().where(pictures.c.reference == origins.c.reference)
        connection.execute(sa.delete(origins).where(orphaned))
        gone = sorted(set(connection.execute(sa.select(images.c.sha256)).scalars()) - shown)
    store = ImageStore(workspace.images)
    features = FeatureStore(workspace.features, store)
    if thorough:
        _unlink_strays([*_files(workspace.images), *_files(workspace.features)], shown)
    else:
        for sha256 in gone:
            store.discard(sha256)
            features.path(sha256).unlink(missing_ok=True)
        features.prune()
    embeddings = sum(_discard(vectors, shown, thorough) for vectors in VectorStore.all(workspace.vectors))
    with catalogue.database.begin() as connection:
        for sha256 in gone:
            connection.execute(sa.delete(images).where(images.c.sha256 == sha256))
    return Swept(len(gone), embeddings)


def _discard(vectors: VectorStore, shown: set[str], thorough: bool) -> int:
    """Delete the embeddings of images that nobody shows, if they are worth it; how many."""
    names = {bytes.fromhex(name) for name in shown}
    rows = vectors.images()
    idle = np.flatnonzero([row.tobytes() not in names for row in rows])
    if not thorough and len(idle) <= IDLE * len(rows):
        return 0
    if thorough or len(idle):
        vectors.discard(idle)
    return len(idle)


def _unlink_strays(files: list[Path], shown: set[str]) -> None:
    """Delete the files that are named after images that nobody shows, so that no power cut brings them back."""
    strays = [path for path in files if (names := _NAMED.findall(path.name)) and not shown.intersection(names)]
    for path in strays:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in strays}:
        sync_folder(folder)


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]
