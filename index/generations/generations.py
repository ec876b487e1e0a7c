"""Generations: built beside the live one, verified, published by one rename, rolled back likewise."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index.coordination.protocol import PublicationRecord, unrecorded
from index.engines.faiss_engine import FaissEngine
from index.engines.layered import LayeredEngine
from index.engines.protocol import FilteringEngine, VectorEngine
from index.errors import EngineUnavailable, GenerationError
from index.generations.calibration import Likelihood
from index.generations.choice_model import ChoiceModel
from index.generations.manifest import CollectionPart, Manifest
from index.generations.segments import segments_file, tidy
from index.generations.snapshot import Snapshot
from index.generations.spread import UNMEASURED, CosineSpread, sampled_rows
from index.generations.stored import MANIFEST, StoredGenerations
from index.generations.text import READINGS, GenerationText
from index.records.feed_records import Collection
from index.records.names import KINDS, NameKind, Names
from index.stores.checksums import VERIFIED_FILE, FileChecksum, checksum
from index.stores.durable import exchange, sync_file, sync_folder
from index.workspace import Workspace

RECORDS = "records.sqlite"
CALIBRATION = "likelihood.json"
ALIASES = "aliases.toml"
# The files of engines, whatever they are.
ENGINE_FILES = ("*.index", "*.vectors", "*.npy", "*.segments.json")
_BUILDING = ".building"
# For how many seconds a server that has the vectors may load them: what an older generation needs may not be loaded.
SEARCH_PATIENCE, JOB_PATIENCE = 10.0, 3600.0


class Generation:
    """One generation, verified and open for searching. It stays usable after its files are deleted, though not after
    its segments on a server are.

    Raises:
        GenerationError: it does not verify, or cannot be opened.
        EngineUnavailable: its vectors are on a server that does not answer, or that has not loaded all of them yet.
    """

    def __init__(self, folder: Path, engine: str = "", patience: float = SEARCH_PATIENCE) -> None:
        """`engine`: the setting of that name; `patience`: for how many seconds to wait until a server is ready."""
        self.manifest = Manifest.read(folder)
        self.manifest.verify(folder, trust_verified=True)
        try:
            self.records = Snapshot(folder / RECORDS)
            self.likelihood = _likelihood(folder / CALIBRATION)
            self._spreads: dict[Collection, CosineSpread] = {}
            # A generation of format 2 has none.
            self.text = GenerationText(folder) if (folder / READINGS).exists() else None
            self.names = Names.read(folder / ALIASES)
            self.attribution: Mapping[NameKind, ChoiceModel] = {
                kind: ChoiceModel.from_json(path.read_text(encoding="utf-8"))
                for kind in KINDS
                if (path := folder / attribution_file(kind)).exists()
            }
            self._engines: dict[Collection, VectorEngine] = {
                name: _open_engine(folder, name, part, engine, patience)
                for name, part in self.manifest.collections.items()
            }
        except EngineUnavailable:
            self.close()
            raise
        except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
            raise GenerationError(f"{folder} cannot be opened ({error}): roll back or re-index") from error
        # If it was rebuilt meanwhile by `forget`, the opened files may be a mixture of old and new.
        if Manifest.read(folder) != self.manifest:
            self.close()
            raise GenerationError(f"{folder} was replaced while it was being opened")

    def engine(self, collection: Collection) -> VectorEngine:
        return self._engines[collection]

    def require_searchable(self) -> None:
        """Do nothing where a search is answered; raises EngineUnavailable where a server is not ready."""
        for engine in self._engines.values():
            if isinstance(engine, FilteringEngine):
                engine.require_searchable()

    @property
    def number(self) -> int:
        return self.manifest.generation

    def spread(self, collection: Collection) -> CosineSpread:
        """The spread of the cosines between unrelated entries of a collection, or of the catalogue where it is small.

        Raises:
            GenerationError: the records cannot be read.
        """
        if collection not in self._spreads:
            kept = self.manifest.collections[collection].spread
            measured = kept or self._measured_spread(collection) or self._measured_spread("catalogue")
            self._spreads[collection] = measured or UNMEASURED
        return self._spreads[collection]

    def _measured_spread(self, collection: Collection) -> CosineSpread | None:
        engine = self._engines[collection]
        views = self.records.views(collection, sampled_rows(engine.stats().count).tolist())
        rows = np.array(sorted(views), np.int64)
        return CosineSpread.of(engine.vectors(rows), [views[row].entry for row in rows.tolist()])

    def close(self) -> None:
        self.records.close()
        if self.text is not None:
            self.text.close()


def _open_engine(folder: Path, name: Collection, part: CollectionPart, engine: str, patience: float) -> VectorEngine:
    if part.is_remote:
        if not engine:
            raise GenerationError("its vectors are on Milvus: name the server in the setting `engine`, or re-index")
        # Nothing of Milvus is imported without it.
        from index.engines.milvus.engine import MilvusEngine

        return MilvusEngine.open(folder / segments_file(name), part.spec, engine, patience)
    return (LayeredEngine if part.base else FaissEngine).open(folder / engine_file(name), part.spec)


def _likelihood(path: Path) -> Likelihood | None:
    """The calibration, or None: a generation of a few products has none."""
    return Likelihood.from_json(path.read_text(encoding="utf-8")) if path.exists() else None


def engine_file(collection: Collection) -> str:
    """The name of a collection's engine file."""
    return f"{collection}.index"


def attribution_file(kind: NameKind) -> str:
    """The name of the calibration file of brands or retailers."""
    return f"{kind}.json"


def checksums(folder: Path) -> dict[str, FileChecksum]:
    """The checksums of the files that were built in a folder."""
    built = [path for path in sorted(folder.iterdir()) if path.name not in (MANIFEST, VERIFIED_FILE)]
    return {path.name: checksum(path) for path in built}


def numbers(workspace: Workspace) -> list[int]:
    """The generations that are kept, rising."""
    if (stored := _stored(workspace)) is not None:
        return stored.numbers()
    return sorted(int(path.name) for path in workspace.generations.glob("[0-9]*") if path.name.isdigit())


def folder_of(workspace: Workspace, number: int, names: Sequence[str] | None = None) -> Path:
    """The folder of a generation. From an object store its files, or those of these names, are fetched first.

    Raises:
        GenerationError: an object store has no such generation, or not all of it. A folder is not looked into here.
    """
    stored = _stored(workspace)
    return workspace.generations / str(number) if stored is None else stored.fetch(number, names)


def delete(workspace: Workspace, number: int) -> None:
    """Delete a generation."""
    if (stored := _stored(workspace)) is not None:
        stored.delete(number)
    shutil.rmtree(workspace.generations / str(number), ignore_errors=stored is not None)
    sync_folder(workspace.generations)


def live_number(workspace: Workspace) -> int | None:
    """The live generation's number, or None before the first is published.

    Raises:
        GenerationError: the pointer to it is damaged.
        DatabaseUnavailable: a database server has the pointer, and does not answer.
    """
    return workspace.coordination.live()


def open_generation(workspace: Workspace, number: int, patience: float = SEARCH_PATIENCE) -> Generation:
    """Open one of the generations on disk; raises what `Generation` raises."""
    return Generation(folder_of(workspace, number), workspace.settings.engine, patience)


def open_live(workspace: Workspace) -> Generation:
    """Open the live generation.

    Raises:
        GenerationError: none is published yet, or it fails verification.
        EngineUnavailable: see `Generation`.
    """
    try:
        return _open_live(workspace)
    except GenerationError:
        # It may have been replaced, or superseded and deleted, between two reads.
        return _open_live(workspace)


def _open_live(workspace: Workspace) -> Generation:
    number = live_number(workspace)
    if number is None:
        raise GenerationError(f"{workspace.root} has no generation yet: run `traceobject reindex`")
    return open_generation(workspace, number)


def records(workspace: Workspace) -> Iterator[Snapshot]:
    """The records of every generation on disk, one after the other, without those that cannot be read."""
    for number in numbers(workspace):
        try:
            folder = folder_of(workspace, number, [RECORDS])
            expected = Manifest.read(folder).files[RECORDS]
            if checksum(folder / RECORDS) != expected:
                continue
            opened = Snapshot(folder / RECORDS)
        except (GenerationError, KeyError, OSError):
            continue
        with closing(opened):
            yield opened


def begin(workspace: Workspace) -> tuple[int, Path]:
    """A new generation's number and an empty folder to build it in; leftovers of a crash are deleted."""
    clear_unfinished(workspace)
    folder = workspace.generations / _BUILDING
    folder.mkdir(parents=True)
    return max([*numbers(workspace), _current(workspace) or 0], default=0) + 1, folder


def clear_unfinished(workspace: Workspace) -> None:
    """Delete leftovers of generations that were being built or replaced during a crash."""
    for leftover in workspace.generations.glob(".*"):
        shutil.rmtree(leftover, ignore_errors=True)
    tidy(workspace)


def seal(folder: Path, manifest: Manifest) -> None:
    """Flush the built files, write the manifest, and verify the generation."""
    for name in manifest.files:
        sync_file(folder / name)
    manifest.write(folder)
    Manifest.read(folder).verify(folder)


def publish(workspace: Workspace, folder: Path, number: int, record: PublicationRecord = unrecorded) -> None:
    """Make a sealed generation the live one, which `record` records; delete the oldest beyond `keep_generations`."""
    stored, place = _stored(workspace), workspace.generations / str(number)
    if stored is not None:
        # A copy of one that an interrupted publication did not store.
        shutil.rmtree(place, ignore_errors=True)
    folder.rename(place)
    sync_folder(workspace.generations)
    if stored is not None:
        stored.store(number)
    workspace.coordination.point(number, record)
    for old in numbers(workspace)[: -workspace.settings.keep_generations]:
        if old != number:
            delete(workspace, old)
    tidy(workspace)


def replace_by(workspace: Workspace, folder: Path, number: int) -> None:
    """Replace a generation by a sealed folder, under the same number; readers of the live one notice it."""
    exchange(workspace.generations / str(number), folder)
    stored, current = _stored(workspace), _current(workspace)
    if stored is not None:
        stored.replace(number, (folder / MANIFEST).read_bytes())
    # Servers on other machines have copies of older generations, too.
    if current is not None and (current == number or stored is not None):
        workspace.coordination.point(current)
    shutil.rmtree(folder)
    sync_folder(workspace.generations)


def rollback(
    workspace: Workspace,
    number: int | None = None,
    require: Callable[[Manifest], None] = lambda _: None,
    record: PublicationRecord = unrecorded,
) -> int:
    """Make an older generation live again: the one named, or the newest before the live one.

    Args:
        require: raises if a generation that verifies cannot be served for another reason.
        record: records that it is live.

    Raises:
        GenerationError: there is none, it fails verification, or it cannot be opened; the live one stays live.
    """
    live = live_number(workspace)
    earlier = [candidate for candidate in numbers(workspace) if live is None or candidate < live]
    chosen = number if number is not None else (earlier[-1] if earlier else None)
    if chosen is None or chosen not in numbers(workspace):
        kept = ", ".join(map(str, numbers(workspace))) or "none"
        raise GenerationError(f"no generation {chosen or ''} to roll back to; kept are: {kept}".replace("  ", " "))
    folder = folder_of(workspace, chosen)
    Manifest.read(folder).verify(folder)
    with closing(open_generation(workspace, chosen, JOB_PATIENCE)) as opened:
        require(opened.manifest)
    workspace.coordination.point(chosen, record)
    return chosen


def _stored(workspace: Workspace) -> StoredGenerations | None:
    """The generations in an object store; None where they are in the workspace's folder alone."""
    return StoredGenerations(workspace.objects, workspace.generations) if workspace.settings.objects else None


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _current(workspace: Workspace) -> int | None:
    """The live generation's number; None where the pointer to it is missing or damaged."""
    try:
        return live_number(workspace)
    except GenerationError:
        return None
