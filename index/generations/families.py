"""Product families: catalogue entries that show the same thing in near-identical pictures, across sources."""

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

# Two pictures whose embeddings are this close are compared by their pixels.
CLOSE = 0.92
# Thumbnails of the same picture, saved again by another shop, differ by less: levels of 255, on average.
ALIKE = 9.0
THUMBNAIL = 24
SEED = 0
_BANDS, _BITS = 16, 16
_BLOCK = 65_536
# A bucket this full holds what all pictures share (a plain white one, say) and would cost a comparison of everything.
_FULLEST = 200


@dataclass(frozen=True)
class Availability:
    """Where and when a candidate's family was sold: a thing sold in one shop in one country is worth more.

    `first_seen` and `last_seen` are days or empty; an empty `last_seen` means that someone still sells it.
    """

    entries: int
    retailers: tuple[str, ...]
    countries: tuple[str, ...]
    first_seen: str
    last_seen: str


def availability(family: Sequence[Entry]) -> Availability:
    """Sum up a family: at least one entry."""
    last = [entry.fields.last_seen for entry in family]
    return Availability(
        entries=len(family),
        retailers=tuple(sorted({entry.fields.retailer or entry.source for entry in family})),
        countries=tuple(sorted({country for entry in family for country in entry.fields.several("country")})),
        first_seen=min((entry.fields.first_seen for entry in family if entry.fields.first_seen), default=""),
        last_seen="" if "" in last else max(last),
    )


def find_families(
    entries: Sequence[int], images: Sequence[str], read: Callable[[Rows], Vectors], store: ImageStore
) -> dict[int, int]:
    """Which family each entry belongs to, named by its smallest entry.

    Args:
        entries, images: what is shown, [n]; read: gives the unit vectors float32 [m, d] of some of them, int64 [m].

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
    for one, two in _proposed(images, read):
        first, second = root(entries[one]), root(entries[two])
        if first == second:
            continue
        if images[one] == images[two] or _alike(images[one], images[two], thumbnails, store):
            family[max(first, second)] = min(first, second)
    return {entry: root(entry) for entry in family}


def _proposed(images: Sequence[str], read: Callable[[Rows], Vectors]) -> Iterator[tuple[int, int]]:
    """Pairs of rows that show the same image, or that are close."""
    by_image: dict[str, list[int]] = {}
    for row, image in enumerate(images):
        by_image.setdefault(image, []).append(row)
    for same in by_image.values():
        yield from ((same[0], other) for other in same[1:])
    distinct = np.array([same[0] for same in by_image.values()], np.int64)
    if len(distinct) < 2:
        return
    seen: set[tuple[int, int]] = set()
    for bucket in _buckets(read, distinct):
        rows = distinct[bucket]
        near = read(rows)
        close = near @ near.T >= CLOSE
        for one, two in combinations(range(len(rows)), 2):
            pair = (int(rows[one]), int(rows[two]))
            if close[one, two] and pair not in seen:
                seen.add(pair)
                yield pair


def _buckets(read: Callable[[Rows], Vectors], rows: Rows) -> Iterable[npt.NDArray[np.intp]]:
    """Groups of places in `rows` whose vectors agree on all bits of a band."""
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
        yield from (group for group in np.split(order, ends) if 1 < len(group) <= _FULLEST)


def _alike(one: str, two: str, thumbnails: dict[str, npt.NDArray[np.float32]], store: ImageStore) -> bool:
    for image in (one, two):
        if image not in thumbnails:
            small = cv2.resize(store.pixels(image), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
            thumbnails[image] = np.asarray(small, np.float32)
    return float(np.abs(thumbnails[one] - thumbnails[two]).mean()) <= ALIKE
