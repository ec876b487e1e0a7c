"""How well a compiled model agrees with its original, on pictures of the catalogue that it is compiled for."""

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

TOP_K = 10
_SEED = 6


@dataclass(frozen=True, eq=False)
class Samples:
    """Prepared pictures, uint8 [n, size, size, 3]: catalogue pictures, and a simulated photo of each."""

    catalogue: Prepared
    photos: Prepared

    @classmethod
    def of(cls, pictures: Iterable[npt.NDArray[np.uint8]], config: Preprocess) -> Samples:
        """From upright pictures uint8 [h, w, 3], one in memory at a time; the same pictures give the same samples."""
        catalogue, photos = [], []
        for number, picture in enumerate(pictures):
            catalogue.append(prepare(picture, config))
            photos.append(prepare(simulate(picture, np.random.default_rng((_SEED, number))).image, config))
        empty = np.empty((0, config.size, config.size, 3), np.uint8)
        return cls(np.stack(catalogue) if catalogue else empty, np.stack(photos) if photos else empty)

    def __len__(self) -> int:
        return len(self.catalogue)

    def __getitem__(self, part: slice) -> Samples:
        return Samples(self.catalogue[part], self.photos[part])


@dataclass(frozen=True)
class Agreement:
    """A compiled model compared with its original.

    `mean_cosine`, `min_cosine`: of the two vectors of one picture, over catalogue pictures and simulated photos.
    `overlap`: the share of the TOP_K nearest pictures of a simulated photo that both find.
    `recall`, `original_recall`: how often a simulated photo finds its own picture first, with either model.
    `text_cosine`: the mean cosine of the two vectors of a text; None without a text side.
    """

    pictures: int
    mean_cosine: float
    min_cosine: float
    overlap: float
    recall: float
    original_recall: float
    text_cosine: float | None

    def figures(self, original: str, openvino: str) -> tuple[Figure, ...]:
        """For the card."""
        source = f"traceobject models compile, {self.pictures} pictures, OpenVINO {openvino}"
        figures: list[tuple[str, float | None]] = [
            (f"mean cosine with {original}", self.mean_cosine),
            (f"least cosine with {original}", self.min_cosine),
            (f"overlap of the first {TOP_K} with {original}", self.overlap),
            ("recall@1 of simulated photos", self.recall),
            (f"recall@1 of simulated photos by {original}", self.original_recall),
            (f"mean cosine of words with {original}", self.text_cosine),
        ]
        return tuple(Figure(what, round(value, 5), source) for what, value in figures if value is not None)


def agreement(original: Encoder, compiled: Encoder, samples: Samples, texts: Sequence[str]) -> Agreement:
    """Compare two encoders on samples (at least one picture) and on texts, where the original has a text side."""
    catalogue = original.encode_images(samples.catalogue), compiled.encode_images(samples.catalogue)
    photos = original.encode_images(samples.photos), compiled.encode_images(samples.photos)
    cosines = np.concatenate([_cosines(*catalogue), _cosines(*photos)])
    by_original, by_compiled = (_nearest(queries, gallery) for gallery, queries in zip(catalogue, photos, strict=True))
    right = np.arange(len(samples))
    text_cosine = None
    if original.card.text:
        text_cosine = float(_cosines(original.encode_texts(texts), compiled.encode_texts(texts)).mean())
    return Agreement(
        pictures=len(samples),
        mean_cosine=float(cosines.mean()),
        min_cosine=float(cosines.min()),
        overlap=overlap(by_original, by_compiled),
        recall=float((by_compiled[:, 0] == right).mean()),
        original_recall=float((by_original[:, 0] == right).mean()),
        text_cosine=text_cosine,
    )


def overlap(one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> float:
    """The mean share that two lists [n, k] of nearest rows have in common."""
    return float(np.mean([len(np.intersect1d(a, b)) / one.shape[1] for a, b in zip(one, other, strict=True)]))


def _cosines(one: Vectors, other: Vectors) -> npt.NDArray[np.float32]:
    return np.asarray((one * other).sum(axis=1), np.float32)


def _nearest(queries: Vectors, gallery: Vectors) -> npt.NDArray[np.intp]:
    return np.argsort(-(queries @ gallery.T), axis=1, kind="stable")[:, :TOP_K]
