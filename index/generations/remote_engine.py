"""The engine of a collection on a server: written as the layout of a generation says, on top of the former one's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from embedding.encoders.protocol import Vectors
from index.engines.milvus.building import RowSource, SegmentWriter
from index.engines.milvus.connection import connection_to
from index.engines.milvus.engine import MilvusEngine
from index.engines.milvus.segments import Batch, Segment
from index.engines.protocol import Rows, VectorEngine
from index.engines.row_fields import RowFields
from index.generations.generations import JOB_PATIENCE, open_generation
from index.generations.layout import Layout
from index.generations.manifest import CollectionPart
from index.generations.segments import prefix
from index.workspace import Workspace

# The segment without what was removed, None where nothing is left; and the rows that were removed.
Rewritten = dict[str, tuple[Segment | None, Rows]]


def next_row(file: Path, part: CollectionPart, workspace: Workspace) -> int:
    """The first row that a collection's segments never had."""
    segments = MilvusEngine.described(file, part.spec, workspace.settings.engine).segments
    return max((segment.stop for segment in segments), default=0)


def write_remote(
    workspace: Workspace,
    path: Path,
    layout: Layout,
    fields: Mapping[int, RowFields],
    read: Callable[[Rows], Vectors],
    dimension: int,
) -> CollectionPart:
    """Write what the server lacks of a layout, and to `path` which segments there are; the part has no entries yet.

    Args:
        fields: of each entry; read: gives the vectors, float32 [n, dimension], of some rows of the vector store.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    views, settings = layout.views, workspace.settings

    def batch(places: Rows) -> Batch:
        some = [views[place] for place in places.tolist()]
        return Batch(
            np.array([view.row for view in some], np.int64),
            read(layout.vector_rows[places]),
            tuple(view.image for view in some),
            tuple(str(view.region) for view in some),
            tuple(fields[view.entry] for view in some),
        )

    source = RowSource(np.array([view.row for view in views], np.int64), batch)
    writer = SegmentWriter(connection_to(settings.engine), prefix(workspace), dimension)
    images = len({view.image for view in views})
    refused: tuple[str, ...] = ()
    if layout.base is None:
        engine, recall = writer.build(source, settings.recall_target)
        if recall is not None and recall < settings.recall_target:
            refused = (f"{engine.spec} reached a recall@10 of {recall:.3f}, not {settings.recall_target}",)
    else:
        base, recall = layout.base, layout.base.part.recall
        former = np.array([view.row for view in base.views], np.int64)
        opened = MilvusEngine.described(base.file, base.part.spec, settings.engine)
        engine, refused = writer.extend(opened, former, source), base.part.refused
    engine.save(path)
    return CollectionPart(0, images, len(views), str(engine.spec), recall, refused)


def without(
    former: VectorEngine, tokens: Sequence[int], rewritten: Rewritten, workspace: Workspace, dimension: int
) -> MilvusEngine:
    """An engine without the rows that have one of some tokens; itself where it has none.

    Args:
        rewritten: the segments that were done before; more are added.

    Raises:
        EngineUnavailable: the server does not answer.
    """
    if not isinstance(former, MilvusEngine):
        raise TypeError(f"{former} is not on a server")
    if not tokens:
        return former
    writer = SegmentWriter(former.connection, prefix(workspace), dimension)
    for segment in former.segments:
        if segment.name not in rewritten:
            rewritten[segment.name] = writer.without(segment, tokens, former.spec.index)
    done = [rewritten[segment.name] for segment in former.segments]
    left = tuple(segment for segment, _ in done if segment is not None)
    if left == former.segments:
        return former
    gone = np.setdiff1d(former.gone, np.concatenate([rows for _, rows in done]))
    return MilvusEngine(former.connection, left, gone, former.spec, dimension)


def prove_engine(engine: VectorEngine) -> None:
    """Compare every row of an engine on a server with its checksum; files were verified when they were opened.

    Raises:
        EngineUnavailable: the server does not answer.
        GenerationError: a row is missing or differs.
    """
    if isinstance(engine, MilvusEngine):
        engine.prove()


def prove(workspace: Workspace, number: int | None) -> int:
    """Compare every row that a generation has on the server with its checksum; returns how many there are.

    Raises:
        EngineUnavailable: the server does not answer.
        GenerationError: a row is missing or differs.
    """
    if number is None:
        connection_to(workspace.settings.engine).require_answer()
        return 0
    with closing(open_generation(workspace, number, JOB_PATIENCE)) as generation:
        engines = [generation.engine(name) for name in generation.manifest.collections]
        remote = [engine for engine in engines if isinstance(engine, MilvusEngine)]
        for engine in remote:
            engine.prove()
        return sum(engine.stats().count for engine in remote)
