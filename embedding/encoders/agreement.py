"""How far a compiled model agrees with the model that it was made from, on pictures of the catalogue it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedding.augment.simulate import simulate
from embedding.encoders.card import Figure
from embedding.encoders.protocol import Encoder, Vectors
from embedding.image.preprocess import Preprocess, prepare

Prepared = npt.NDArray[np.uint8]

NEAREST = 10
_SEED = 6


@dataclass(frozen=True, eq=False)
class Samples:
    """Prepared pictures, uint8 [n, size, size, 3]: as the catalogue has them, and a simulated photo of each."""

    plain: Prepared
    wild: Prepared

    @classmethod
    def of(cls, pictures: Iterable[npt.NDArray[np.uint8]], how: Preprocess) -> Samples:
        """From upright pictures uint8 [h, w, 3], one in memory at a time; the same pictures give the same samples."""
        plain, wild = [], []
        for number, picture in enumerate(pictures):
            plain.append(prepare(picture, how))
            wild.append(prepare(simulate(picture, np.random.default_rng((_SEED, number))).image, how))
        empty = np.empty((0, how.size, how.size, 3), np.uint8)
        return cls(np.stack(plain) if plain else empty, np.stack(wild) if wild else empty)

    def __len__(self) -> int:
        return len(self.plain)

    def __getitem__(self, part: slice) -> Samples:
        return Samples(self.plain[part], self.wild[part])


@dataclass(frozen=True)
class Agreement:
    """A compiled model beside its original.

    `cosine`, `least_cosine`: of the two vectors of one picture, on average and at worst, plain and simulated alike.
    `overlap`: the share of the NEAREST pictures of a simulated photo that both find.
    `recall`, `recall_before`: how often a simulated photo finds its own picture first, compiled and not.
    `words`: the mean cosine of the two vectors of a text; None without a text side.
    """

    pictures: int
    cosine: float
    least_cosine: float
    overlap: float
    recall: float
    recall_before: float
    words: float | None

    def figures(self, original: str, openvino: str) -> tuple[Figure, ...]:
        """For the card."""
        source = f"traceobject models compile, {self.pictures} pictures, OpenVINO {openvino}"
        told: list[tuple[str, float | None]] = [
            (f"mean cosine with {original}", self.cosine),
            (f"least cosine with {original}", self.least_cosine),
            (f"overlap of the first {NEAREST} with {original}", self.overlap),
            ("recall@1 of simulated photos", self.recall),
            (f"recall@1 of simulated photos by {original}", self.recall_before),
            (f"mean cosine of words with {original}", self.words),
        ]
        return tuple(Figure(what, round(value, 5), source) for what, value in told if value is not None)


def agreement(original: Encoder, made: Encoder, samples: Samples, texts: Sequence[str]) -> Agreement:
    """Compare two encoders on samples (at least one picture) and on texts, where the original knows words."""
    plain = original.encode_images(samples.plain), made.encode_images(samples.plain)
    wild = original.encode_images(samples.wild), made.encode_images(samples.wild)
    cosines = np.concatenate([_cosines(*plain), _cosines(*wild)])
    first, again = (_nearest(photos, pictures) for pictures, photos in zip(plain, wild, strict=True))
    own = np.arange(len(samples))
    return Agreement(
        pictures=len(samples),
        cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        overlap=overlap(first, again),
        recall=float((again[:, 0] == own).mean()),
        recall_before=float((first[:, 0] == own).mean()),
        words=float(_cosines(original.encode_texts(texts), made.encode_texts(texts)).mean())
        if original.card.text
        else None,
    )


def overlap(first: npt.NDArray[np.intp], again: npt.NDArray[np.intp]) -> float:
    """The mean share that two lists [n, k] of nearest rows have in common."""
    return float(np.mean([len(np.intersect1d(a, b)) / first.shape[1] for a, b in zip(first, again, strict=True)]))


def _cosines(first: Vectors, again: Vectors) -> npt.NDArray[np.float32]:
    return np.asarray((first * again).sum(axis=1), np.float32)


def _nearest(queries: Vectors, gallery: Vectors) -> npt.NDArray[np.intp]:
    return np.argsort(-(queries @ gallery.T), axis=1, kind="stable")[:, :NEAREST]
