"""A generation is rebuilt without some of its entries, from its own files and under its own number."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from index.engines.writing import gather, write_engine
from index.errors import GenerationError
from index.generations import generations
from index.generations.content import content_digest
from index.generations.generations import CollectionPart, Generation, Manifest
from index.generations.snapshot import IndexedView, write_snapshot
from index.generations.text import READINGS, write_text
from index.records.entries import Entry
from index.records.feed_records import COLLECTIONS, Collection
from index.records.names import read_aliases
from index.stores.checksums import VERIFIED_FILE
from index.workspace import Workspace

ShouldRemove = Callable[[Entry], bool]


@dataclass(frozen=True)
class Cleaned:
    """Whether a generation was rebuilt, and why it was deleted; `deleted` is empty where it was not."""

    number: int
    rebuilt: bool = False
    deleted: str = ""


def clean_generation(workspace: Workspace, number: int, should_remove: ShouldRemove) -> Cleaned:
    """Rebuild a generation's files without some entries, under the same number; a live one stays live.

    Embeddings are taken from its engines; its calibration and self-test are kept. A generation that cannot be read,
    because it is damaged or of a newer version, may contain those entries, so it is deleted.

    Raises:
        WorkspaceError, OSError: it cannot be written; it is unchanged then.
    """
    try:
        folder = generations.folder_of(workspace, number)
        former, entries = _read(folder)
    except GenerationError as error:
        generations.delete(workspace, number)
        return Cleaned(number, deleted=str(error))
    with closing(former):
        kept = {name: [entry for entry in entries[name] if not should_remove(entry)] for name in COLLECTIONS}
        parts = former.manifest.collections
        # A layered engine may still have vectors of entries that left the records before, so it is always rebuilt.
        if not any(part.base for part in parts.values()) and all(
            len(kept[name]) == parts[name].entries for name in COLLECTIONS
        ):
            return Cleaned(number)
        aside = workspace.generations / f".cleaning-{number}"
        shutil.rmtree(aside, ignore_errors=True)
        # Other files, such as the calibration, contain no entries.
        index = ("*.index", "*.vectors", "*.npy", "*.words", READINGS, generations.RECORDS, VERIFIED_FILE)
        shutil.copytree(folder, aside, ignore=shutil.ignore_patterns(*index))
        manifest = _rebuild(workspace, former, kept, aside)
    generations.seal(aside, manifest)
    generations.replace_by(workspace, aside, number)
    return Cleaned(number, rebuilt=True)


def _read(folder: Path) -> tuple[Generation, dict[Collection, list[Entry]]]:
    """A generation and its entries, after reading everything that is needed to rebuild it.

    Raises:
        GenerationError: something cannot be read.
    """
    former = Generation(folder)
    try:
        entries = {name: list(former.records.entries(name)) for name in COLLECTIONS}
        for name in COLLECTIONS:
            former.engine(name)
            for _ in former.records.all_views(name):
                pass
        former.records.families()
    except (GenerationError, KeyError) as error:
        former.close()
        raise GenerationError(f"{folder} cannot be read: {error}") from error
    return former, entries


def _rebuild(workspace: Workspace, former: Generation, kept: dict[Collection, list[Entry]], aside: Path) -> Manifest:
    """Write engines and records of the kept entries into a folder; returns their manifest."""
    parts: dict[Collection, CollectionPart] = {}
    views: list[tuple[Collection, IndexedView]] = []
    kept_ids = {entry.id for entries in kept.values() for entry in entries}
    for name in COLLECTIONS:
        collection_views = [view for view in former.records.all_views(name) if view.entry in kept_ids]
        path = aside / generations.engine_file(name)
        rows = np.array([view.row for view in collection_views], np.int64)
        vectors = gather(path, rows, former.manifest.dimension, former.engine(name).vectors)
        tuned = write_engine(path, vectors, workspace.index_memory, workspace.settings.recall_target)
        views += [(name, replace(view, row=row)) for row, view in enumerate(collection_views)]
        images = {view.image for view in collection_views}
        spec = tuned.engine.stats().spec
        parts[name] = CollectionPart(
            len(kept[name]), len(images), len(rows), spec, tuned.recall, tuned.refused, spread=former.spread(name)
        )
    families = {entry: family for entry, family in former.records.families().items() if entry in kept_ids}
    entries = list(chain.from_iterable(kept.values()))
    write_snapshot(aside / generations.RECORDS, entries, views, families)
    embedded = {view.image for _, view in views}
    not_embedded = {image for entry in entries for image in entry.images} - embedded
    manifest = former.manifest
    text: tuple[str, ...] = ()
    if former.text is not None:
        used = {image for entry in entries for image in entry.images}
        text = former.text.content(used)
        write_text(aside, kept, former.text.version, former.text.readings(sorted(used)).items())
    aliases = read_aliases(aside / generations.ALIASES)
    content = content_digest(manifest.model, manifest.model_sha256, entries, not_embedded, aliases, text)
    return replace(manifest, content=content, collections=parts, files=generations.checksums(aside))
