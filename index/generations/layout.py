"""Which row of an engine shows what; where little changed, the rows of the live generation's engine stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedding.image.regions import Region
from embedding.views import CATALOGUE_VIEWS
from index.engines.choice import EXACT_BELOW
from index.engines.protocol import Rows
from index.engines.tuning import held_out
from index.generations.generations import CollectionPart
from index.generations.snapshot import IndexedView
from index.records.entries import Entry
from index.stores.vectors import VectorKey, VectorStore

_SEED = 0
# With more of its rows gone, a base is walked through in vain too often.
_GONE = 0.1


@dataclass(frozen=True)
class Base:
    """An engine that may stay: its file, what its generation says of it, and what the rows of that generation show."""

    file: Path
    part: CollectionPart
    shown: Sequence[IndexedView]

    @property
    def count(self) -> int:
        """How many rows the engine has; rows from there on were added later."""
        return self.part.base or self.part.rows


@dataclass(frozen=True)
class Layout:
    """What the rows of an engine show, in rising order of rows.

    `places`: int64 [n], where the embedding of each lies in the vector store. `base`: the engine that stays, None where
    a new one is built; `gone`: int64, rising, which of its rows show nothing any more.
    """

    shown: tuple[IndexedView, ...]
    places: Rows
    base: Base | None
    gone: Rows

    @property
    def recent(self) -> Rows:
        """Where the embeddings lie that the base does not have: rows rise, so they are the last."""
        return self.places[self.base.count - len(self.gone) :] if self.base else self.places


def assign_rows(entries: Iterable[Entry], vectors: VectorStore, base: Base | None) -> Layout:
    """The rows of an engine of some entries; views that were never embedded are left out.

    A base stays while what came since is little enough to be compared with in full, and little of it is gone.
    """
    wanted = [(entry.id, image, view) for entry in entries for image in entry.images for view in CATALOGUE_VIEWS]
    found = vectors.rows([VectorKey(image, view) for _, image, view in wanted])
    here = np.flatnonzero(found >= 0)
    if base is not None and (kept := _kept(base, [wanted[index] for index in here.tolist()])) is not None:
        order = np.argsort(kept, kind="stable")
        here, rows = here[order], kept[order]
        gone = np.setdiff1d(np.arange(base.count), rows)
        return Layout(_shown(rows, here, wanted), found[here], base, gone)
    if last := held_out(len(here)):
        # A large engine is tuned on its last rows before it has them: they have to be a random sample.
        sampled = np.zeros(len(here), bool)
        sampled[np.random.default_rng(_SEED).choice(len(here), last, replace=False)] = True
        here = np.concatenate([here[~sampled], here[sampled]])
    return Layout(_shown(np.arange(len(here)), here, wanted), found[here], None, np.empty(0, np.int64))


def _kept(base: Base, wanted: Sequence[tuple[int, str, Region]]) -> Rows | None:
    """The row of each wanted view, int64 [n], new ones behind the base's; None where too much has changed."""
    free: dict[tuple[str, Region], list[int]] = {}
    for one in base.shown:
        if one.row < base.count:
            free.setdefault((one.image, one.region), []).append(one.row)
    rows, beyond = np.empty(len(wanted), np.int64), base.count
    for place, (_, image, view) in enumerate(wanted):
        if left := free.get((image, view)):
            # The same picture shown by two entries has two rows; which is whose does not matter.
            rows[place] = left.pop(0)
        else:
            rows[place], beyond = beyond, beyond + 1
    gone = base.count - (len(wanted) - (beyond - base.count))
    return rows if beyond - base.count < EXACT_BELOW and gone <= _GONE * base.count else None


def _shown(rows: Rows, here: Rows, wanted: Sequence[tuple[int, str, Region]]) -> tuple[IndexedView, ...]:
    return tuple(IndexedView(row, *wanted[index]) for row, index in zip(rows.tolist(), here.tolist(), strict=True))
