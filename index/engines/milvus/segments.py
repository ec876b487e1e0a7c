"""A segment: rows of an index in a collection of a Milvus server, written once, proven, and later dropped as a whole.

Only a dropped collection surely leaves no trace: Milvus 2.3 rewrites its files for deleted rows only when a fifth of
them is deleted. So no row is ever deleted, and a segment without some of its rows is written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from pymilvus import DataType, MilvusClient

from embedding.encoders.protocol import Vectors
from index.engines.milvus.connection import JOB_SECONDS, Connection
from index.engines.milvus.loading import require_loaded
from index.engines.milvus.spec import FLAT, HNSW
from index.engines.protocol import Rows
from index.engines.row_fields import NOT_ALL, RowFields
from index.errors import GenerationError

# How many rows one message has.
BATCH = 2_000
# Milvus' names and parameters.
_PARAMETERS = {HNSW: ("HNSW", {"M": 32, "efConstruction": 80}), FLAT: ("FLAT", {})}
_MAX_TOKENS = 4096
_FIELDS = ["row", "entry", "image", "region", "tokens", "first_seen", "last_seen", "vector"]


@dataclass(frozen=True)
class Batch:
    """Rows, rising, int64 [n]; their vectors, float32 [n, d]; and of each what it is a view of."""

    rows: Rows
    vectors: Vectors
    images: tuple[str, ...]
    regions: tuple[str, ...]
    fields: tuple[RowFields, ...]


@dataclass(frozen=True)
class Segment:
    """Rows from `start` to `stop`, less some that are missing: `rows` of them. `sha256` is over all, by row.

    `partial`: the rows that have NOT_ALL among their tokens, rising.
    """

    name: str
    start: int
    stop: int
    rows: int
    sha256: str
    partial: tuple[int, ...] = ()

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """A segment as the file of a generation has it; former versions wrote no `partial`."""
        return cls(**{**written, "partial": tuple(written.get("partial", ()))})


@dataclass
class _Proof:
    """Count and checksum of batches, in order of rows."""

    first: int = -1
    last: int = -1
    count: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    partial: list[int] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        if not len(batch.rows):
            return
        self.first = int(batch.rows[0]) if self.first < 0 else self.first
        self.last, self.count = int(batch.rows[-1]), self.count + len(batch.rows)
        for row, vector, image, region, kept in zip(
            batch.rows.tolist(), batch.vectors, batch.images, batch.regions, batch.fields, strict=True
        ):
            line = [row, image, region, kept.entry, kept.tokens, kept.first_seen, kept.last_seen]
            self.digest.update(json.dumps(line).encode())
            if NOT_ALL in kept.tokens:
                self.partial.append(row)
            self.digest.update(np.ascontiguousarray(vector, "<f4").tobytes())


def write_segment(
    connection: Connection, name: str, dimension: int, index: str, batches: Iterable[Batch]
) -> Segment | None:
    """Write rows into a new collection, index and load it, and prove that it has them; None where there are no rows.

    Raises:
        EngineUnavailable, GenerationError: the server does not answer, or has other rows; the collection is dropped.
    """
    proof = _Proof()
    try:
        with connection.client() as client:
            client.create_collection(name, schema=_schema(dimension), timeout=JOB_SECONDS)
            for batch in batches:
                proof.add(batch)
                for start in range(0, len(batch.rows), BATCH):
                    client.insert(name, _payload(batch, slice(start, start + BATCH)), timeout=JOB_SECONDS)
            if not proof.count:
                client.drop_collection(name, timeout=JOB_SECONDS)
                return None
            client.flush(name, timeout=JOB_SECONDS)
            kind, parameters = _PARAMETERS[index]
            params = MilvusClient.prepare_index_params()
            params.add_index("vector", index_type=kind, metric_type="IP", params=parameters)
            # After the rows: Milvus 2.3 searches rows that come later by a coarser index, and finds half of them.
            client.create_index(name, params, timeout=JOB_SECONDS)
        segment = Segment(
            name, proof.first, proof.last + 1, proof.count, proof.digest.hexdigest(), tuple(proof.partial)
        )
        require_loaded(connection, segment.name, segment.rows, JOB_SECONDS)
        require_proven(connection, segment)
    except BaseException:
        with suppress(Exception), connection.client() as client:
            client.drop_collection(name)
        raise
    return segment


def require_proven(connection: Connection, segment: Segment) -> None:
    """Compare every row of a loaded segment with its count and checksum.

    Raises:
        EngineUnavailable: see `Connection.client`.
        GenerationError: they differ.
    """
    proof = _Proof()
    for batch in read_segment(connection, segment):
        proof.add(batch)
    if (proof.count, proof.digest.hexdigest()) != (segment.rows, segment.sha256):
        raise GenerationError(
            f"the engine at {connection.address} has {proof.count} rows in {segment.name}, not the {segment.rows} that "
            "were written, or others: roll back or re-index"
        )


def read_segment(connection: Connection, segment: Segment, condition: str = "") -> Iterator[Batch]:
    """The rows of a loaded segment that fulfil a condition, in Milvus' language, by row."""
    for start in range(segment.start, segment.stop, BATCH):
        within = f"row >= {start} and row < {min(start + BATCH, segment.stop)}"
        expression = f"{within} and ({condition})" if condition else within
        with connection.client() as client:
            found = client.query(
                segment.name,
                filter=expression,
                output_fields=_FIELDS,
                timeout=JOB_SECONDS,
                consistency_level="Strong",
            )
        found = sorted(found, key=lambda row: int(row["row"]))
        if found:
            yield Batch(
                np.array([row["row"] for row in found], np.int64),
                np.array([row["vector"] for row in found], np.float32),
                tuple(row["image"] for row in found),
                tuple(row["region"] for row in found),
                tuple(
                    RowFields(row["entry"], tuple(row["tokens"]), row["first_seen"], row["last_seen"]) for row in found
                ),
            )


def rows_with(connection: Connection, segment: Segment, condition: str) -> Rows:
    """The rows of a loaded segment that fulfil a condition, int64 [m], rising."""
    found = [batch.rows for batch in read_segment(connection, segment, condition)]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _schema(dimension: int) -> Any:
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    schema.add_field("entry", DataType.INT64)
    schema.add_field("image", DataType.VARCHAR, max_length=64)
    schema.add_field("region", DataType.VARCHAR, max_length=200)
    schema.add_field("tokens", DataType.ARRAY, element_type=DataType.INT64, max_capacity=_MAX_TOKENS)
    schema.add_field("first_seen", DataType.INT64)
    schema.add_field("last_seen", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    return schema


def _payload(batch: Batch, part: slice) -> list[dict[str, Any]]:
    return [
        {
            "row": row,
            "entry": kept.entry,
            "image": image,
            "region": region,
            "tokens": list(kept.tokens),
            "first_seen": kept.first_seen,
            "last_seen": kept.last_seen,
            "vector": vector,
        }
        for row, vector, image, region, kept in zip(
            batch.rows[part].tolist(),
            batch.vectors[part],
            batch.images[part],
            batch.regions[part],
            batch.fields[part],
            strict=True,
        )
    ]
