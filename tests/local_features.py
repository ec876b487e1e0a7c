"""Local features drawn at random, for tests of what keeps and compares them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedding.local import LocalFeatures
from embedding.local.features import PALETTE_SIZE, Preview


def local_features(seed: int, count: int = 20) -> LocalFeatures:
    """Features of a picture that does not exist; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return LocalFeatures(
        size=(int(rng.integers(1, 4000)), int(rng.integers(1, 4000))),
        keypoints=rng.random((count, 2), np.float32),
        descriptors=rng.integers(-127, 128, (count, 64)).astype(np.int8),
        palette=rng.integers(0, 256, PALETTE_SIZE).astype(np.uint8),
        plainness=float(np.float32(rng.random())),
        preview=Preview(rng.integers(0, 256, (int(rng.integers(1, 9)), int(rng.integers(1, 9)), 4)).astype(np.uint8)),
        scales=(count - count // 3, count // 3),
    )


def record_of(seed: int, count: int = 20) -> npt.NDArray[np.uint8]:
    """The same as a record."""
    return local_features(seed, count).to_record()
