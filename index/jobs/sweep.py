"""Deletes what no entry uses any more: picture references, copies, local features, text, embeddings, what was staged.

An image is used as long as an entry of the catalogue or of a generation on disk has it, because an older generation can
be rolled back to, with its pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from index.generations import generations
from index.records.catalogue import Catalogue
from index.records.schema import images, origins, pictures
from index.stores.features import FeatureStore
from index.stores.images import FOLDER, ImageStore
from index.stores.objects.protocol import ObjectStore
from index.stores.text import every_text
from index.stores.vectors import VectorStore
from index.workers.staging import Staging
from index.workspace import Workspace

# The share of unused embeddings from which on they are deleted, because that rewrites whole shards.
MIN_UNUSED_SHARE = 0.1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Swept:
    """What was deleted: copies of pictures, and embeddings of any model."""

    images: int
    embeddings: int


def sweep(workspace: Workspace, catalogue: Catalogue, *, thorough: bool = False) -> Swept:
    """Delete what no entry uses any more.

    `thorough` also deletes files that no record mentions, and every unused embedding.

    Raises:
        WorkspaceError, OSError: something cannot be deleted; run it again.
    """
    used = set(catalogue.images()).union(*(records.images() for records in generations.records(workspace)))
    with catalogue.database.begin() as connection:
        orphaned = ~sa.exists().where(pictures.c.reference == origins.c.reference)
        connection.execute(sa.delete(origins).where(orphaned))
        unused = sorted(set(connection.execute(sa.select(images.c.sha256)).scalars()) - used)
    Staging(workspace.objects).clear()
    store = ImageStore(workspace.objects)
    features = FeatureStore(workspace.objects, store)
    if thorough:
        _delete_strays(workspace.objects, used)
    else:
        store.discard(unused)
    min_share = None if thorough else MIN_UNUSED_SHARE
    features.delete_former()
    features.discard_unused(used, min_share)
    for readings in every_text(workspace.objects):
        readings.discard(readings.images() - used)
    embeddings = sum(vectors.discard_unused(used, min_share) for vectors in VectorStore.all(workspace.objects))
    with catalogue.database.begin() as connection:
        for sha256 in unused:
            connection.execute(sa.delete(images).where(images.c.sha256 == sha256))
    return Swept(len(unused), embeddings)


def _delete_strays(objects: ObjectStore, used: set[str]) -> None:
    """Delete the files named after unused images, unfinished ones among them."""
    named = ((key, _SHA256.findall(key)) for key, _ in objects.list_objects(FOLDER))
    objects.delete([key for key, names in named if names and not used.intersection(names)])
