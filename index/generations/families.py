"""Product families: catalogue entries of any source that have near-identical pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from index.engines.protocol import Rows
from index.records.entries import Entry
from index.stores.images import ImageStore

# From this cosine of their embeddings on, two pictures are compared by their pixels.
MIN_COSINE = 0.92
# Mean difference of the thumbnails, in levels of 255, up to which two pictures are the same, saved again.
MAX_THUMBNAIL_DIFFERENCE = 9.0
THUMBNAIL_SIDE = 24
SEED = 0
_BANDS, _BITS = 16, 16
_BLOCK = 65_536
# Larger buckets are skipped: they contain pictures with something common in them, and comparing all would take long.
_MAX_BUCKET = 200


@dataclass(frozen=True)
class Availability:
    """Where and when a candidate's family was sold: the fewer shops and countries, the more a candidate helps.

    `first_seen` and `last_seen` are days or empty; an empty `last_seen` means that it is still sold somewhere. `family`
    is the number of its smallest entry, `made_in` where any of them is made.
    """

    entries: int
    retailers: tuple[str, ...]
    countries: tuple[str, ...]
    first_seen: str
    last_seen: str
    family: int = 0
    made_in: tuple[str, ...] = ()


def availability(family: Sequence[Entry]) -> Availability:
    """The availability of a family of at least one entry."""
    last = [entry.fields.last_seen for entry in family]
    return Availability(
        entries=len(family),
        retailers=tuple(sorted({entry.fields.retailer or entry.source for entry in family})),
        countries=tuple(sorted({country for entry in family for country in entry.fields.several("country")})),
        first_seen=min((entry.fields.first_seen for entry in family if entry.fields.first_seen), default=""),
        last_seen="" if "" in last else max(last),
        family=min(entry.id for entry in family),
        made_in=tuple(sorted({country for entry in family for country in entry.fields.several("made_in")})),
    )


def find_families(
    entries: Sequence[int], images: Sequence[str], read: Callable[[Rows], Vectors], store: ImageStore
) -> dict[int, int]:
    """The family of each entry, named by its smallest entry.

    Args:
        entries, images: of each row [n]; read: gives the unit vectors float32 [m, d] of some rows, int64 [m].

    Method: pictures are proposed by random-hyperplane hashing of the centred embeddings (Charikar, "Similarity
    estimation techniques from rounding algorithms", 2002), then verified by cosine and by colour thumbnails.
    """
    family = {entry: entry for entry in entries}

    def root(entry: int) -> int:
        while family[entry] != entry:
            family[entry] = family[family[entry]]
            entry = family[entry]
        return entry

    thumbnails: dict[str, npt.NDArray[np.float32]] = {}
    for one, two in _candidate_pairs(images, read):
        first, second = root(entries[one]), root(entries[two])
        if first == second:
            continue
        if images[one] == images[two] or _is_same_picture(images[one], images[two], thumbnails, store):
            family[max(first, second)] = min(first, second)
    return {entry: root(entry) for entry in family}


def _candidate_pairs(images: Sequence[str], read: Callable[[Rows], Vectors]) -> Iterator[tuple[int, int]]:
    """Pairs of rows with the same image, or of a high cosine."""
    by_image: dict[str, list[int]] = {}
    for row, image in enumerate(images):
        by_image.setdefault(image, []).append(row)
    for same in by_image.values():
        yield from ((same[0], other) for other in same[1:])
    distinct = np.array([same[0] for same in by_image.values()], np.int64)
    if len(distinct) < 2:
        return
    given: set[tuple[int, int]] = set()
    for bucket in _buckets(read, distinct):
        rows = distinct[bucket]
        vectors = read(rows)
        close = vectors @ vectors.T >= MIN_COSINE
        for one, two in combinations(range(len(rows)), 2):
            pair = (int(rows[one]), int(rows[two]))
            if close[one, two] and pair not in given:
                given.add(pair)
                yield pair


def _buckets(read: Callable[[Rows], Vectors], rows: Rows) -> Iterable[npt.NDArray[np.intp]]:
    """Groups of positions in `rows` whose vectors agree on all bits of a band."""
    blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    mean = sum(read(block).sum(axis=0) for block in blocks) / len(rows)
    planes = np.random.default_rng(SEED).normal(size=(len(mean), _BANDS * _BITS)).astype(np.float32)
    codes = np.empty((len(rows), _BANDS), np.uint16)
    for number, block in enumerate(blocks):
        bits = ((read(block) - mean) @ planes > 0).reshape(len(block), _BANDS, _BITS)
        codes[number * _BLOCK : number * _BLOCK + len(block)] = bits @ (1 << np.arange(_BITS))
    for band in range(_BANDS):
        order = np.argsort(codes[:, band], kind="stable")
        ends = np.flatnonzero(np.diff(codes[order, band])) + 1
        yield from (group for group in np.split(order, ends) if 1 < len(group) <= _MAX_BUCKET)


def _is_same_picture(one: str, two: str, thumbnails: dict[str, npt.NDArray[np.float32]], store: ImageStore) -> bool:
    for image in (one, two):
        if image not in thumbnails:
            small = cv2.resize(store.pixels(image), (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
            thumbnails[image] = np.asarray(small, np.float32)
    return float(np.abs(thumbnails[one] - thumbnails[two]).mean()) <= MAX_THUMBNAIL_DIFFERENCE
