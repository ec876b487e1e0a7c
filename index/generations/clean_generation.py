"""A generation without some of its entries: built anew from itself, and put in its own place."""

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
from index.records.entries import Entry
from index.records.feed_records import COLLECTIONS, Collection
from index.stores.checksums import VERIFIED_FILE
from index.stores.durable import sync_folder
from index.workspace import Workspace

Leaves = Callable[[Entry], bool]


@dataclass(frozen=True)
class Cleaned:
    """What became of a generation: whether it was rebuilt, and why it had to be deleted, empty where it was not."""

    number: int
    rebuilt: bool = False
    deleted: str = ""


def clean_generation(workspace: Workspace, number: int, leaves: Leaves) -> Cleaned:
    """Rebuild a generation's files without the entries that leave, under the same number; a live one stays live.

    Its embeddings are those its engines kept, its calibration and self-test stay. One that cannot be read, damaged
    or made by a newer version, cannot be rebuilt, and nobody knows what it names: it is deleted.

    Raises:
        WorkspaceError, OSError: it cannot be written; it is as it was then.
    """
    folder = workspace.generations / str(number)
    try:
        former, entries = _read(folder)
    except GenerationError as error:
        shutil.rmtree(folder)
        sync_folder(workspace.generations)
        return Cleaned(number, deleted=str(error))
    with closing(former):
        stay = {name: [entry for entry in entries[name] if not leaves(entry)] for name in COLLECTIONS}
        parts = former.manifest.collections
        # An engine that was added to may still hold what left the records before, so it is never taken for clean.
        if not any(part.base for part in parts.values()) and all(
            len(stay[name]) == parts[name].entries for name in COLLECTIONS
        ):
            return Cleaned(number)
        aside = workspace.generations / f".cleaning-{number}"
        shutil.rmtree(aside, ignore_errors=True)
        # What is no part of the index, such as a calibration, names nobody.
        index = ("*.index", "*.vectors", "*.npy", generations.RECORDS, VERIFIED_FILE)
        shutil.copytree(folder, aside, ignore=shutil.ignore_patterns(*index))
        manifest = _rebuild(workspace, former, stay, aside)
    generations.seal(aside, manifest)
    generations.replace_by(workspace, aside, number)
    return Cleaned(number, rebuilt=True)


def _read(folder: Path) -> tuple[Generation, dict[Collection, list[Entry]]]:
    """A generation and its entries, once all that it takes to rebuild it was found readable.

    Raises:
        GenerationError: something was not.
    """
    former = Generation(folder)
    try:
        entries = {name: list(former.records.entries(name)) for name in COLLECTIONS}
        for name in COLLECTIONS:
            former.engine(name)
            for _ in former.records.every_row(name):
                pass
        former.records.families()
    except (GenerationError, KeyError) as error:
        former.close()
        raise GenerationError(f"{folder} cannot be read: {error}") from error
    return former, entries


def _rebuild(workspace: Workspace, former: Generation, stay: dict[Collection, list[Entry]], aside: Path) -> Manifest:
    """Write engines and records of the entries that stay into a folder, and tell them in a manifest."""
    parts: dict[Collection, CollectionPart] = {}
    shown: list[tuple[Collection, IndexedView]] = []
    here = {entry.id for entries in stay.values() for entry in entries}
    for name in COLLECTIONS:
        rows = [row for row in former.records.every_row(name) if row.entry in here]
        path = aside / generations.engine_file(name)
        kept = np.array([row.row for row in rows], np.int64)
        vectors = gather(path, kept, former.manifest.dimension, former.engine(name).vectors)
        tuned = write_engine(path, vectors, workspace.index_memory, workspace.settings.recall_target)
        shown += [(name, replace(row, row=place)) for place, row in enumerate(rows)]
        images = {row.image for row in rows}
        spec = tuned.engine.stats().spec
        parts[name] = CollectionPart(len(stay[name]), len(images), len(rows), spec, tuned.recall, tuned.refused)
    families = {entry: family for entry, family in former.records.families().items() if entry in here}
    entries = list(chain.from_iterable(stay.values()))
    write_snapshot(aside / generations.RECORDS, entries, shown, families)
    embedded = {row.image for _, row in shown}
    lacking = {image for entry in entries for image in entry.images} - embedded
    told = former.manifest
    content = content_digest(told.model, told.model_sha256, entries, lacking)
    return replace(told, content=content, collections=parts, files=generations.checksums(aside))
