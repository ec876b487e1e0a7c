"""The gate: a picture is checked before anything of it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from index.errors import UnknownEntry
from index.records.catalogue import Catalogue
from index.records.schema import allowed, entries, origins, pictures, sources

FACE = "face"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Verdict:
    """Whether a picture passes. `reason` is a stable word for what it shows, empty where it passes; `score`: how sure
    that is, 0 to 1."""

    reason: str = ""
    score: float = 0.0

    @property
    def passes(self) -> bool:
        return not self.reason


PASSED = Verdict()


class Gate(Protocol):
    """Decides which pictures may be kept."""

    def check(self, picture: npt.NDArray[np.uint8]) -> Verdict:
        """Check an upright RGB picture, uint8 [h, w, 3]. Safe from any thread."""
        ...


@dataclass(frozen=True)
class ApprovingGate:
    """A gate, and the images, by SHA-256, that a curator approved. Without a gate everything passes."""

    gate: Gate | None = None
    allowed: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether everything passes."""
        return self.gate is None

    def needs_check(self, sha256: str) -> bool:
        """Whether an image has to be checked."""
        return self.gate is not None and sha256 not in self.allowed

    def check(self, sha256: str, picture: npt.NDArray[np.uint8]) -> Verdict:
        """As Gate.check, of an image that may be approved."""
        return PASSED if self.gate is None or sha256 in self.allowed else self.gate.check(picture)


def approving_gate(gate: Gate | None, catalogue: Catalogue) -> ApprovingGate:
    """A gate with the images that curators of this catalogue approved."""
    with catalogue.database.connect() as connection:
        return ApprovingGate(gate, frozenset(connection.execute(sa.select(allowed.c.sha256)).scalars()))


def object_references(catalogue: Catalogue) -> frozenset[str]:
    """The picture references of all objects, those that are gone from their feeds too, for they are still shown.

    Their pictures have to pass the gate, whichever source named them first.
    """
    query = (
        sa.select(pictures.c.reference)
        .join(entries, entries.c.id == pictures.c.entry)
        .where(entries.c.collection == "objects")
    )
    with catalogue.database.connect() as connection:
        return frozenset(connection.execute(query).scalars())


@dataclass(frozen=True)
class Quarantined:
    """A published crop in quarantine: its SHA-256, where it is, and the object that it is of.

    `let_in`: a curator approved it, and the next reading takes it.
    """

    sha256: str
    reference: str
    source: str
    object_id: str
    title: str
    let_in: bool


def quarantined(catalogue: Catalogue) -> list[Quarantined]:
    """Every crop in quarantine, by source and object."""
    query = (
        sa.select(origins.c.quarantined, origins.c.reference, sources.c.name, entries.c.entry_id, entries.c.title)
        .join(pictures, pictures.c.reference == origins.c.reference)
        .join(entries, entries.c.id == pictures.c.entry)
        .join(sources, sources.c.id == entries.c.source_id)
        .where((origins.c.quarantined != "") & (entries.c.collection == "objects") & (entries.c.gone_on == ""))
        .order_by(sources.c.name, entries.c.entry_id, pictures.c.position)
    )
    with catalogue.database.connect() as connection:
        passed = set(connection.execute(sa.select(allowed.c.sha256)).scalars())
        return [
            Quarantined(sha256, reference, source, object_id, title, sha256 in passed)
            for sha256, reference, source, object_id, title in connection.execute(query)
        ]


def require_quarantined(catalogue: Catalogue, sha256: str) -> None:
    """Refuse the name of an image that is not quarantined.

    Raises:
        UnknownEntry: it is not.
    """
    with catalogue.database.connect() as connection:
        if connection.execute(sa.select(origins.c.reference).where(_is_quarantined(sha256)).limit(1)).first() is None:
            raise _not_quarantined(sha256)


def approve(catalogue: Catalogue, sha256: str) -> None:
    """Approve a quarantined image: the next reading takes it. For jobs that have the workspace's lock.

    Raises:
        UnknownEntry: no image of that name is quarantined.
    """
    with catalogue.database.begin() as connection:
        # As if it had never been read.
        again = sa.update(origins).where(_is_quarantined(sha256)).values(size=-1, asked_on="")
        if not connection.execute(again).rowcount:
            raise _not_quarantined(sha256)
        connection.execute(catalogue.database.insert(allowed).values(sha256=sha256).on_conflict_do_nothing())


def _is_quarantined(sha256: str) -> sa.ColumnElement[bool]:
    return origins.c.quarantined == sha256 if _SHA256.fullmatch(sha256) else sa.false()


def _not_quarantined(sha256: str) -> UnknownEntry:
    return UnknownEntry(f"no picture {sha256[:80]!r} is held; `traceobject reindex` lists those that are")
