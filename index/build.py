"""A generation built: engines, records, families, its self-test and calibration; sealed, judged, published."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder
from embedding.views import CATALOGUE_VIEWS
from index import generations
from index.catalogue import Catalogue
from index.engines.tuning import held_out
from index.engines.writing import gather, write_engine
from index.entries import Entry
from index.families import find_families
from index.generations import CALIBRATION, CollectionPart, Generation, Manifest, SelfTest
from index.images import ImageStore
from index.progress import Progress
from index.records import COLLECTIONS, Collection
from index.rerank import Closer
from index.self_test import self_test
from index.snapshot import Shown, write_snapshot
from index.vectors import VectorKey, VectorStore
from index.workspace import Workspace

_SEED = 0


@dataclass(frozen=True)
class Built:
    """What came of a build: the generation published, or why it was not; `self_test` where there was one."""

    generation: int | None
    self_test: SelfTest | None
    refused: str = ""


def build(
    workspace: Workspace,
    catalogue: Catalogue,
    vectors: VectorStore,
    encoder: Encoder,
    closer: Closer | None,
    content: str,
    live: Manifest | None,
    progress: Progress,
) -> Built:
    """Build a generation beside the live one, test it, and publish it unless its self-test fell too far below `live`'s.

    Raises:
        WorkspaceError: it cannot be written.
    """
    images = ImageStore(workspace.images)
    entries = {collection: list(catalogue.entries(collection)) for collection in COLLECTIONS}
    number, folder = generations.begin(workspace)
    with progress.step("building", len(COLLECTIONS) + 2) as tick:
        parts: dict[Collection, CollectionPart] = {}
        shown: list[tuple[Collection, Shown]] = []
        families: Mapping[int, int] = {}
        for collection in COLLECTIONS:
            rows, places = _rows(entries[collection], vectors)
            shown += [(collection, row) for row in rows]
            path = folder / generations.engine_file(collection)
            found = gather(path, places, encoder.card.dimension, vectors.get)
            if collection == "catalogue":
                families = find_families([row.entry for row in rows], [row.image for row in rows], found, images)
            tuned = write_engine(path, found, workspace.index_memory, workspace.settings.recall_target)
            parts[collection] = CollectionPart(
                len(entries[collection]),
                len({row.image for row in rows}),
                len(rows),
                tuned.engine.stats().spec,
                tuned.recall,
                tuned.refused,
            )
            tick(1)
        write_snapshot(folder / generations.RECORDS, (e for part in entries.values() for e in part), shown, families)
        tick(1)
        card = encoder.card
        manifest = Manifest(
            number,
            generations.now(),
            card.name,
            card.sha256 or "",
            card.dimension,
            content,
            parts,
            generations.proofs(folder),
        )
        generations.seal(folder, manifest)
        tick(1)
    with closing(Generation(folder)) as sealed:
        tested = self_test(sealed, encoder, closer, images, progress)
    if tested is not None:
        measured, likelihood = tested
        (folder / CALIBRATION).write_text(likelihood.to_json(), encoding="utf-8")
        manifest = replace(manifest, files=generations.proofs(folder), self_test=measured)
        generations.seal(folder, manifest)
    if why := fallen(manifest, live, workspace.settings.self_test_margin):
        shutil.rmtree(folder)
        return Built(None, manifest.self_test, why)
    if (workspace.settings.model, workspace.settings.model_sha256) != (card.name, card.sha256 or ""):
        # Before it goes live: should the run end here, the next one completes the move instead of undoing it.
        workspace.pin_model(card.name, card.sha256 or "", "named by the operator")
    generations.publish(workspace, folder, number)
    return Built(number, manifest.self_test)


def fallen(new: Manifest, live: Manifest | None, margin: float) -> str:
    """Why a generation is too much worse than the live one; empty where it is not, or where they cannot be compared."""
    if live is None or live.self_test is None or new.self_test is None:
        return ""
    if (live.model, live.model_sha256) != (new.model, new.model_sha256):
        return ""
    for name, told in (("recall_at_1", "recall@1"), ("recall_at_10", "recall@10")):
        before, now = getattr(live.self_test, name), getattr(new.self_test, name)
        if now < before - margin:
            return (
                f"its self-test {told} is {now:.2f}, generation {live.generation} had {before:.2f}. "
                f"Look at what the feeds changed; if it is right, raise self_test_margin in the settings for one run"
            )
    return ""


def _rows(entries: list[Entry], vectors: VectorStore) -> tuple[list[Shown], npt.NDArray[np.int64]]:
    """What the rows of an engine show, and where their embeddings lie; views never embedded are left out.

    The last rows are a random sample, which a large engine is tuned on before it has them.
    """
    wanted = [(entry.id, image, view) for entry in entries for image in entry.images for view in CATALOGUE_VIEWS]
    places = vectors.rows([VectorKey(image, view) for _, image, view in wanted])
    here = np.flatnonzero(places >= 0)
    if last := held_out(len(here)):
        sampled = np.zeros(len(here), bool)
        sampled[np.random.default_rng(_SEED).choice(len(here), last, replace=False)] = True
        here = np.concatenate([here[~sampled], here[sampled]])
    return [Shown(row, *wanted[index]) for row, index in enumerate(here.tolist())], places[here]
