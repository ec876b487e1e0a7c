"""A generation is rebuilt without some of its entries, from its own files and under its own number."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.engines.writing import gather, write_engine
from index.errors import GenerationError, WorkspaceError
from index.generations import generations
from index.generations.content import content_digest
from index.generations.generations import Generation
from index.generations.manifest import CollectionPart, Manifest
from index.generations.segments import segments_file
from index.generations.snapshot import IndexedView, write_snapshot
from index.generations.text import READINGS, write_text
from index.records.entries import Entry
from index.records.feed_records import COLLECTIONS, Collection
from index.records.names import read_aliases
from index.stores.checksums import VERIFIED_FILE
from index.workspace import Workspace

if TYPE_CHECKING:
    from index.engines.milvus.engine import MilvusEngine
    from index.generations.remote_engine import Rewritten


@dataclass(frozen=True)
class Removal:
    """What is removed from all generations: entries that `covers` names.

    `tokens`: those that their rows have on a server, whether or not a generation still has them (forget_token).
    `rewritten`: the segments on a server that were read for it so far, and what they were replaced by.
    """

    covers: Callable[[Entry], bool]
    tokens: Mapping[Collection, Sequence[int]]
    rewritten: Rewritten = field(default_factory=dict)


@dataclass(frozen=True)
class Cleaned:
    """Whether a generation was rebuilt, and why it was deleted; `deleted` is empty where it was not."""

    number: int
    rebuilt: bool = False
    deleted: str = ""


def clean_generation(workspace: Workspace, number: int, removal: Removal) -> Cleaned:
    """Rebuild a generation's files without some entries, under the same number; a live one stays live.

    Embeddings are taken from its engines; on a server, segments that have some of those entries are written anew
    without them, once for all generations. Its calibration and self-test are kept. A generation that cannot be read,
    because it is damaged or of a newer version, may contain those entries, so it is deleted.

    Raises:
        WorkspaceError, OSError: it cannot be written; it is unchanged then.
        EngineUnavailable: the same, because its vectors are on a server that is not ready.
    """
    try:
        folder = generations.folder_of(workspace, number)
        former, entries = _read(workspace, folder)
    except GenerationError as error:
        generations.delete(workspace, number)
        return Cleaned(number, deleted=str(error))
    with closing(former):
        kept = {name: [entry for entry in entries[name] if not removal.covers(entry)] for name in COLLECTIONS}
        parts = former.manifest.collections
        remote = {name: _without(former, name, removal, workspace) for name in COLLECTIONS if parts[name].is_remote}
        # A layered engine may still have vectors of entries that left the records before, so it is always rebuilt.
        is_layered = any(part.base for part in parts.values())
        is_rewritten = any(engine is not former.engine(name) for name, engine in remote.items())
        if not (is_layered or is_rewritten) and all(len(kept[name]) == parts[name].entries for name in COLLECTIONS):
            return Cleaned(number)
        aside = workspace.generations / f".cleaning-{number}"
        shutil.rmtree(aside, ignore_errors=True)
        # Other files, such as the calibration, contain no entries.
        index = (*generations.ENGINE_FILES, "*.words", READINGS, generations.RECORDS, VERIFIED_FILE)
        shutil.copytree(folder, aside, ignore=shutil.ignore_patterns(*index))
        manifest = _rebuild(workspace, former, kept, remote, aside)
    generations.seal(aside, manifest)
    generations.replace_by(workspace, aside, number)
    return Cleaned(number, rebuilt=True)


def _read(workspace: Workspace, folder: Path) -> tuple[Generation, dict[Collection, list[Entry]]]:
    """A generation and its entries, after reading everything that is needed to rebuild it.

    Raises:
        GenerationError: something cannot be read.
        WorkspaceError: its vectors are on a server that the settings do not name.
    """
    if any(part.is_remote for part in Manifest.read(folder).collections.values()) and not workspace.settings.engine:
        raise WorkspaceError(f"{folder}: its vectors are on Milvus: name the server in `engine`, and run this again")
    former = Generation(folder, workspace.settings.engine, generations.JOB_PATIENCE)
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


def _without(former: Generation, name: Collection, removal: Removal, workspace: Workspace) -> MilvusEngine:
    """A collection's engine on a server without what is removed; itself where it has nothing of it."""
    from index.generations.remote_engine import without

    tokens = removal.tokens.get(name, ())
    return without(former.engine(name), tokens, removal.rewritten, workspace, former.manifest.dimension)


def _rebuild(
    workspace: Workspace,
    former: Generation,
    kept: dict[Collection, list[Entry]],
    remote: Mapping[Collection, MilvusEngine],
    aside: Path,
) -> Manifest:
    """Write engines and records of the kept entries into a folder; returns their manifest."""
    parts: dict[Collection, CollectionPart] = {}
    views: list[tuple[Collection, IndexedView]] = []
    kept_ids = {entry.id for entries in kept.values() for entry in entries}
    for name in COLLECTIONS:
        collection_views = [view for view in former.records.all_views(name) if view.entry in kept_ids]
        images = {view.image for view in collection_views}
        if name in remote:
            remote[name].save(aside / segments_file(name))
            views += [(name, view) for view in collection_views]
            parts[name] = replace(
                former.manifest.collections[name],
                entries=len(kept[name]),
                images=len(images),
                rows=len(collection_views),
                spread=former.spread(name),
            )
            continue
        path = aside / generations.engine_file(name)
        rows = np.array([view.row for view in collection_views], np.int64)
        vectors = gather(path, rows, former.manifest.dimension, former.engine(name).vectors)
        tuned = write_engine(path, vectors, workspace.index_memory, workspace.settings.recall_target)
        views += [(name, replace(view, row=row)) for row, view in enumerate(collection_views)]
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
