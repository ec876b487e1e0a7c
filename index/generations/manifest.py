"""The manifest of a generation: what it is of, and the checksum of each of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from index.engines.milvus.spec import is_milvus
from index.errors import GenerationError
from index.generations.spread import CosineSpread
from index.generations.stored import MANIFEST
from index.records.feed_records import Collection
from index.stores.checksums import FileChecksum, damaged
from index.stores.durable import write_file

FORMAT = 3
# The format of generations whose vectors are on a server; versions of this program that know none refuse them.
REMOTE_FORMAT = 4
# Format 1 had exact engines only, and format 2 no text; both can still be opened and rolled back to.
_READABLE = (1, 2, 3, 4)


@dataclass(frozen=True)
class CollectionPart:
    """One collection in a generation.

    `spec` is the engine's. `recall` is its recall@10 on held-out vectors, None where it is exact; `refused` says which
    faster engines missed the required recall. `base`: the number of rows of a former generation's engine, deleted ones
    included, that this one is layered on; 0 where the engine was built anew. `spread`: of the cosines between its
    entries, or of the catalogue's where it has few; None in generations of former versions, for which it is measured
    when they are opened.
    """

    entries: int
    images: int
    rows: int
    spec: str
    recall: float | None = None
    refused: tuple[str, ...] = ()
    base: int = 0
    spread: CosineSpread | None = None

    @property
    def is_remote(self) -> bool:
        """Whether its vectors are on a server: of the setting `engine`."""
        return is_milvus(self.spec)


@dataclass(frozen=True)
class SelfTest:
    """The result for simulated photos of `products` sampled products: recall, and the quality of the calibration.

    `calibration_error` and `area_under_roc` are those of the first candidate's likelihood, cross-fitted (each half of
    the sample with the other half's calibration), with the product in the catalogue and without it.
    """

    products: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    calibration_error: float
    area_under_roc: float


@dataclass(frozen=True)
class Manifest:
    """The description of a generation, and the checksum of each of its files.

    `content` is the SHA-256 of what it was built from: equal content needs no new generation. `created` is ISO 8601,
    UTC. `search_parameters` is the SHA-256 of the constants that ranked when its likelihood was fitted; empty in
    generations of former versions.
    """

    generation: int
    created: str
    model: str
    model_sha256: str
    dimension: int
    content: str
    collections: Mapping[Collection, CollectionPart]
    files: Mapping[str, FileChecksum]
    self_test: SelfTest | None = None
    format: int = FORMAT
    search_parameters: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a generation's manifest.

        Raises:
            GenerationError: it is missing or invalid.
        """
        try:
            raw = json.loads((folder / MANIFEST).read_bytes())
            if raw["format"] not in _READABLE:
                raise GenerationError(f"{folder}: made by another version (format {raw['format']}): re-index")
            parts = {name: _part(part) for name, part in raw.pop("collections").items()}
            files = {name: FileChecksum(**expected) for name, expected in raw.pop("files").items()}
            self_test = raw.pop("self_test", None)
            self_test = None if self_test is None else SelfTest(**self_test)
            return cls(**raw, collections=parts, files=files, self_test=self_test)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GenerationError(f"{folder}: its manifest cannot be read ({error}); roll back or re-index") from error

    def write(self, folder: Path) -> None:
        write_file(folder / MANIFEST, json.dumps(asdict(self), indent=2, sort_keys=True).encode())

    def verify(self, folder: Path, *, trust_verified: bool = False) -> None:
        """Compare every file with its checksum; `trust_verified` skips verified files that did not change.

        Raises:
            GenerationError: a file is missing or differs.
        """
        for path in damaged(folder, self.files, trust_verified=trust_verified):
            raise GenerationError(f"{path} is missing or was changed since it was built: roll back or re-index")


def _part(fields: dict[str, Any]) -> CollectionPart:
    spread = fields.get("spread")
    return CollectionPart(
        **fields
        | {"refused": tuple(fields.get("refused", ())), "spread": None if spread is None else CosineSpread(**spread)}
    )
