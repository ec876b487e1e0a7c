"""The nightly job: feeds to catalogue, pictures to embeddings, embeddings to a published generation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder
from embedding.pipeline import embed_stream
from embedding.regions import Region
from embedding.views import CATALOGUE_VIEWS, prepare_views
from index import generations
from index.acquire import Fetch, acquire
from index.catalogue import Catalogue, Changes, Source
from index.engines.faiss_engine import FaissEngine
from index.entries import Entry
from index.errors import FeedError
from index.fetching.fetch import fetch_all
from index.generations import CollectionPart, Manifest
from index.images import ImageStore
from index.ingest import ingest
from index.progress import Progress
from index.records import COLLECTIONS, Collection, Refusal
from index.snapshot import Shown, write_snapshot
from index.vectors import VectorKey, VectorStore
from index.workspace import Settings, Workspace


@dataclass(frozen=True)
class Report:
    """What a re-index did. `generation` is the live one afterwards; `published` tells whether it is new."""

    generation: int | None
    published: bool
    model: str
    changes: dict[str, Changes]
    new_images: int
    embedded: int
    refused: tuple[Refusal, ...]
    failed: tuple[str, ...]


def reindex(workspace: Workspace, encoder: Encoder, progress: Progress, *, full: bool = False) -> Report:
    """Bring catalogue and index up to date with every source, and publish if anything changed.

    `full` builds and publishes even when nothing did. What was embedded before under this model is never embedded
    again. A feed that cannot be read is reported in `failed` and leaves its entries as they were.

    Raises:
        WorkspaceError: another job is writing here.
    """
    with workspace.lock("reindex"), Catalogue.open(workspace.database_url) as catalogue:
        store = ImageStore(workspace.images)
        changes, new_images, failed = read_sources(
            catalogue, store, catalogue.sources(), polite_fetch(workspace.settings), progress
        )
        vectors = VectorStore.open(workspace.vectors, encoder.card)
        embedded, damaged = embed_missing(_images(catalogue), CATALOGUE_VIEWS, store, vectors, encoder, progress)
        generation, published = build(workspace, catalogue, vectors, encoder, progress, full=full)
        refused = (*catalogue.refusals(), *damaged)
    return Report(generation, published, encoder.card.name, changes, new_images, embedded, refused, failed)


def polite_fetch(settings: Settings) -> Fetch:
    """How this workspace fetches pictures by URL."""
    return partial(fetch_all, user_agent=settings.user_agent, allow_hosts=frozenset(settings.allow_hosts))


def read_sources(
    catalogue: Catalogue, store: ImageStore, sources: Iterable[Source], fetch: Fetch, progress: Progress
) -> tuple[dict[str, Changes], int, tuple[str, ...]]:
    """Read feeds and their pictures: changes by source, new images, and why a feed could not be read."""
    changes: dict[str, Changes] = {}
    new_images, failed = 0, []
    today = datetime.now(UTC).date()
    for source in sources:
        try:
            changes[source.name], refused = ingest(source, catalogue, today, progress)
        except FeedError as error:
            failed.append(f"{source.name}: {error}")
            continue
        acquired = acquire(source, catalogue, store, fetch, today, progress)
        new_images += acquired.new
        catalogue.set_refusals(source, [*refused, *acquired.refused])
    return changes, new_images, tuple(failed)


def embed_missing(
    images: Iterable[str],
    views: tuple[Region, ...],
    store: ImageStore,
    vectors: VectorStore,
    encoder: Encoder,
    progress: Progress,
) -> tuple[int, list[Refusal]]:
    """Embed the views of images that the vector store lacks; each batch is kept before the next is begun.

    Returns:
        how many images were embedded, and those whose copy could not be read.
    """
    missing = [image for image in images if (vectors.rows([VectorKey(image, view) for view in views]) < 0).any()]

    def load(image: str) -> npt.NDArray[np.uint8]:
        return prepare_views(store.pixels(image), views, encoder.card.preprocess)

    refused: list[Refusal] = []
    embedded = 0
    with progress.step("embedding", len(missing)) as tick:
        for batch in embed_stream(missing, load, encoder):
            if batch.items:
                keys = [VectorKey(image, view) for image, _ in batch.items for view in views]
                vectors.append(keys, np.concatenate([found for _, found in batch.items]))
            refused += [Refusal(image, error.reason, str(error)) for image, error in batch.refused]
            embedded += len(batch.items)
            tick(len(batch.items) + len(batch.refused))
    return embedded, refused


def build(
    workspace: Workspace,
    catalogue: Catalogue,
    vectors: VectorStore,
    encoder: Encoder,
    progress: Progress,
    *,
    full: bool,
) -> tuple[int | None, bool]:
    """Build, verify and publish a generation, unless the live one has the same content.

    Returns:
        the live generation's number, and whether it is new.
    """
    entries = {collection: list(catalogue.entries(collection)) for collection in COLLECTIONS}
    content = _content(encoder, entries)
    live = generations.live_number(workspace)
    if live is not None and not full:
        manifest = Manifest.read(workspace.generations / str(live))
        if manifest.content == content:
            return live, False
    with progress.step("building", len(COLLECTIONS) + 2) as tick:
        number, folder = generations.begin(workspace)
        parts: dict[Collection, CollectionPart] = {}
        shown: list[tuple[Collection, Shown]] = []
        for collection in COLLECTIONS:
            rows, places = _rows(entries[collection], vectors)
            shown += [(collection, row) for row in rows]
            engine = FaissEngine.build(vectors.get(places))
            engine.save(folder / generations.engine_file(collection))
            parts[collection] = CollectionPart(
                len(entries[collection]), len({row.image for row in rows}), len(rows), engine.stats().spec
            )
            tick(1)
        write_snapshot(folder / generations.RECORDS, (e for found in entries.values() for e in found), shown)
        tick(1)
        files = {path.name: generations.prove(path) for path in sorted(folder.iterdir())}
        card = encoder.card
        manifest = Manifest(
            number, generations.now(), card.name, card.sha256 or "", card.dimension, content, parts, files
        )
        generations.seal(folder, manifest)
        generations.publish(workspace, folder, number)
        tick(1)
    return number, True


def _rows(entries: list[Entry], vectors: VectorStore) -> tuple[list[Shown], npt.NDArray[np.int64]]:
    """What the rows of an engine show, and where their embeddings lie; views never embedded are left out."""
    wanted = [(entry.id, image, view) for entry in entries for image in entry.images for view in CATALOGUE_VIEWS]
    places = vectors.rows([VectorKey(image, view) for _, image, view in wanted])
    here = np.flatnonzero(places >= 0)
    return [Shown(row, *wanted[index]) for row, index in enumerate(here.tolist())], places[here]


def _images(catalogue: Catalogue) -> Iterator[str]:
    """Every image of an entry, once."""
    return iter(
        dict.fromkeys(
            image for collection in COLLECTIONS for entry in catalogue.entries(collection) for image in entry.images
        )
    )


def _content(encoder: Encoder, entries: dict[Collection, list[Entry]]) -> str:
    """A SHA-256 over all that a generation would be built from."""
    digest = hashlib.sha256(f"{encoder.card.name} {encoder.card.sha256} {CATALOGUE_VIEWS}".encode())
    for found in entries.values():
        for entry in found:
            digest.update(f"{entry.id} {entry.source} {entry.fields.digest()} {entry.images}\n".encode())
    return digest.hexdigest()
