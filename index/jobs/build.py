"""A generation is built: engines, records, families, self-test and calibration; then sealed, checked and published."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Vectors
from index.engines.faiss_engine import FaissEngine
from index.engines.layered import LayeredEngine
from index.engines.protocol import Rows
from index.engines.row_fields import RowFields
from index.engines.writing import gather, write_engine
from index.generations import generations
from index.generations.conditions import row_fields
from index.generations.families import find_families
from index.generations.generations import CALIBRATION, Generation
from index.generations.layout import Base, Layout, assign_rows
from index.generations.manifest import FORMAT, REMOTE_FORMAT, CollectionPart, Manifest, SelfTest
from index.generations.segments import release_unused, segments_file
from index.generations.snapshot import IndexedView, Snapshot, write_snapshot
from index.generations.text import write_text
from index.jobs.context import JobContext
from index.jobs.read_text import ReadText
from index.jobs.self_test import self_test
from index.records.feed_records import COLLECTIONS, Collection
from index.records.names import read_aliases
from index.search.ranking_digest import search_parameters_digest
from index.stores.checksums import checksum
from index.stores.images import ImageStore
from index.stores.vectors import VectorStore
from index.workspace import Workspace


@dataclass(frozen=True)
class Built:
    """The result of a build: the generation published, or why it was not; `self_test` if there was one."""

    generation: int | None
    self_test: SelfTest | None
    refused: str = ""


def build(
    context: JobContext,
    vectors: VectorStore,
    text: ReadText,
    content: str,
    live: Manifest | None,
    *,
    anew: bool = False,
) -> Built:
    """Build a generation beside the live one, test it, and publish it unless its self-test is much worse than `live`'s.

    `anew`: build new engines, even if the live generation's could be reused.

    Raises:
        WorkspaceError: it cannot be written.
    """
    workspace, images, card = context.workspace, context.images, context.encoder.card
    entries = {collection: list(context.catalogue.entries(collection)) for collection in COLLECTIONS}
    number, folder = generations.begin(workspace)
    release_unused(workspace, None if live is None else live.generation)
    with context.progress.step("building", len(COLLECTIONS) + 3) as tick:
        parts: dict[Collection, CollectionPart] = {}
        views: list[tuple[Collection, IndexedView]] = []
        families: Mapping[int, int] = {}
        for collection in COLLECTIONS:
            fields = {e.id: row_fields(e) for e in entries[collection]} if workspace.settings.engine else None
            base = None if live is None or anew else _base(workspace, live, collection, card)
            layout = assign_rows(entries[collection], vectors, base, fields)
            views += [(collection, view) for view in layout.views]
            if collection == "catalogue":
                families = _families(layout, vectors, images)
            part = _write_engine(workspace, folder, collection, layout, fields, vectors, card.dimension)
            parts[collection] = replace(part, entries=len(entries[collection]))
            tick(1)
        if aliases := read_aliases(workspace.aliases):
            (folder / generations.ALIASES).write_bytes(aliases)
        write_snapshot(folder / generations.RECORDS, (e for part in entries.values() for e in part), views, families)
        tick(1)
        write_text(folder, entries, text.version, text.readings())
        tick(1)
        manifest = Manifest(
            generation=number,
            created=generations.now(),
            model=card.name,
            model_sha256=card.sha256 or "",
            dimension=card.dimension,
            content=content,
            collections=parts,
            files=generations.checksums(folder),
            format=REMOTE_FORMAT if workspace.settings.engine else FORMAT,
            search_parameters=search_parameters_digest(),
        )
        generations.seal(folder, manifest)
        tick(1)
    with closing(Generation(folder, workspace.settings.engine)) as sealed:
        parts = {name: replace(part, spread=sealed.spread(name)) for name, part in parts.items()}
        manifest = replace(manifest, collections=parts)
        test_result = self_test(sealed, context)
    if test_result is not None:
        measured, likelihood, attribution = test_result
        fitted = {CALIBRATION: likelihood.to_json()}
        fitted |= {generations.attribution_file(kind): model.to_json() for kind, model in attribution.items()}
        for name, fitted_model in fitted.items():
            (folder / name).write_text(fitted_model, encoding="utf-8")
        calibration = {name: checksum(folder / name) for name in fitted}
        manifest = replace(manifest, files={**manifest.files, **calibration}, self_test=measured)
    generations.seal(folder, manifest)
    if why := quality_regression(manifest, live, workspace.settings.self_test_margin):
        generations.clear_unfinished(workspace)
        return Built(None, manifest.self_test, why)
    if (workspace.settings.model, workspace.settings.model_sha256) != (card.name, card.sha256 or ""):
        # Before publishing: if the run is interrupted here, the next one completes the move instead of undoing it.
        workspace.pin_model(card.name, card.sha256 or "", "named by the operator")
    generations.publish(workspace, folder, number, context.record_publication)
    return Built(number, manifest.self_test)


def quality_regression(new: Manifest, live: Manifest | None, margin: float) -> str:
    """Why a generation is much worse than the live one; empty if it is not, or if they cannot be compared."""
    if live is None or live.self_test is None or new.self_test is None:
        return ""
    if (live.model, live.model_sha256) != (new.model, new.model_sha256):
        return ""
    for name, label in (("recall_at_1", "recall@1"), ("recall_at_10", "recall@10")):
        before, now = getattr(live.self_test, name), getattr(new.self_test, name)
        if now < before - margin:
            return (
                f"its self-test {label} is {now:.2f}, generation {live.generation} had {before:.2f}. "
                f"Check what changed in the feeds; if that is right, raise self_test_margin in the settings for one run"
            )
    return ""


def _base(workspace: Workspace, live: Manifest, collection: Collection, card: ModelCard) -> Base | None:
    """The live generation's engine if it can be reused: approximate, of this model, and of the required recall."""
    part = live.collections[collection]
    if part.is_remote != bool(workspace.settings.engine) or (live.model, live.model_sha256) != (
        card.name,
        card.sha256 or "",
    ):
        return None
    folder = generations.folder_of(workspace, live.generation)
    with closing(Snapshot(folder / generations.RECORDS)) as former:
        views = list(former.all_views(collection))
        if part.is_remote:
            from index.generations.remote_engine import next_row

            file = folder / segments_file(collection)
            fields = {entry.id: row_fields(entry) for entry in former.entries(collection)}
            target = workspace.settings.recall_target
            return Base(file, part, views, next_row(file, part, workspace), fields, target)
    if part.recall is None or part.recall < workspace.settings.recall_target:
        return None
    return Base(folder / generations.engine_file(collection), part, views, part.base or part.rows)


def _families(layout: Layout, vectors: VectorStore, images: ImageStore) -> dict[int, int]:
    def read(rows: Rows) -> Vectors:
        return vectors.get(layout.vector_rows[rows])

    return find_families([view.entry for view in layout.views], [view.image for view in layout.views], read, images)


def _write_engine(
    workspace: Workspace,
    folder: Path,
    collection: Collection,
    layout: Layout,
    fields: Mapping[int, RowFields] | None,
    vectors: VectorStore,
    dimension: int,
) -> CollectionPart:
    """Write the engine of a layout; returns its part of the manifest, without the number of entries.

    Args:
        fields: what a server keeps of each entry; None where the engine is files.
    """
    if fields is not None:
        from index.generations.remote_engine import write_remote

        return write_remote(workspace, folder / segments_file(collection), layout, fields, vectors.get, dimension)
    path = folder / generations.engine_file(collection)
    rows, images = len(layout.views), len({view.image for view in layout.views})
    if layout.base is not None:
        base = FaissEngine.open(layout.base.file, layout.base.part.spec)
        LayeredEngine.build(base, vectors.get(layout.recent), layout.deleted).save(path)
        return replace(layout.base.part, rows=rows, images=images, base=layout.base.next_row, spread=None)
    gathered = gather(path, layout.vector_rows, dimension, vectors.get)
    tuned = write_engine(path, gathered, workspace.index_memory, workspace.settings.recall_target)
    return CollectionPart(0, images, rows, tuned.engine.stats().spec, tuned.recall, tuned.refused)
