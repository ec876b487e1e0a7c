"""How well an encoder finds the shapes of shapes.py: by picture, by text, and by both at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder, Vectors
from sample.tiny_clip.shapes import ALL_SPECS, COLOURS, Spec, full_caption, render

HELD_OUT_SEED = 20240229


@dataclass(frozen=True)
class Recall:
    """The share of queries whose right picture is first, and among the first five, of `gallery` pictures."""

    at_1: float
    at_5: float
    queries: int
    gallery: int


@dataclass(frozen=True)
class Findings:
    """Recall by picture, by caption, and by a picture with a word that changes its colour."""

    by_picture: Recall
    by_text: Recall
    by_both: Recall


def held_out() -> tuple[Spec, ...]:
    """The combinations that training never shows: one in eight."""
    order = np.random.default_rng(HELD_OUT_SEED).permutation(len(ALL_SPECS))
    return tuple(sorted(ALL_SPECS[i] for i in order[: len(ALL_SPECS) // 8]))


def evaluate(encoder: Encoder, wanted: tuple[Spec, ...], seed: int, among: tuple[Spec, ...] = ALL_SPECS) -> Findings:
    """Render one new picture of each combination of `among` as the gallery, and search it for those of `wanted`.

    Args:
        wanted: the combinations to search for, all in `among`; right is the gallery's picture of the same one.
        seed: of the renders. Any seed but that of the training gives new pictures.
    """
    rng = np.random.default_rng(seed)
    gallery = _pictures(encoder, among, rng)
    right = np.array([among.index(spec) for spec in wanted])
    by_picture = _recall(_pictures(encoder, wanted, rng) @ gallery.T, right)
    by_text = _recall(encoder.encode_texts([full_caption(spec) for spec in wanted]) @ gallery.T, right)
    by_both = _recall(_recoloured(encoder, wanted, rng) @ gallery.T, right)
    return Findings(by_picture, by_text, by_both)


def _recoloured(encoder: Encoder, wanted: tuple[Spec, ...], rng: np.random.Generator) -> Vectors:
    """For each wanted combination the sum of two vectors: of it in another colour, and of the right colour's name."""
    colours = list(COLOURS)
    others = [colours[(colours.index(spec.colour) + rng.integers(1, len(colours))) % len(colours)] for spec in wanted]
    pictures = _pictures(encoder, tuple(replace(s, colour=c) for s, c in zip(wanted, others, strict=True)), rng)
    words = encoder.encode_texts([spec.colour for spec in wanted])
    both: Vectors = pictures + words
    return both


def _pictures(encoder: Encoder, specs: tuple[Spec, ...], rng: np.random.Generator) -> Vectors:
    return encoder.encode_images(np.stack([render(spec, rng) for spec in specs]))


def _recall(scores: npt.NDArray[np.float32], right: npt.NDArray[np.int64]) -> Recall:
    """Recall of scores [queries, gallery], where `right` [queries] is the column of each query's answer."""
    rank = (scores > scores[np.arange(len(right)), right][:, None]).sum(1)
    return Recall(float((rank < 1).mean()), float((rank < 5).mean()), *scores.shape)


def main() -> None:
    """Print the recall of the shipped weights, separately for seen and unseen combinations."""
    from embedding.encoders.choose import load

    encoder, unseen = load("tiny-clip", device="cpu"), held_out()
    for what, specs in (("unseen", unseen), ("seen", tuple(spec for spec in ALL_SPECS if spec not in unseen))):
        for way, recall in vars(evaluate(encoder, specs, seed=1)).items():
            print(f"{what:6} {way:10} {recall}")  # noqa: T201


if __name__ == "__main__":
    main()
