"""How far the cosines of a model spread over a collection: what a cosine means differs from model to model.

One model gives unrelated pictures cosines from 0 to 0.4, another from 0.6 to 0.7. In standard deviations from the mean
cosine of unrelated entries of the same generation, both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# How many rows are sampled, of which all pairs are compared.
SAMPLE = 1000
# With fewer entries in the sample the spread is not measured: the pairs are few, and often of one kind.
MIN_ENTRIES = 10
_SEED = 0
_MIN_DEVIATION = 1e-4


@dataclass(frozen=True)
class CosineSpread:
    """Mean and standard deviation of the cosines between pictures of unrelated entries."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, vectors: Floats, entries: Sequence[int]) -> Self | None:
        """The spread of a sample: unit vectors float32 [n, d] and the entry of each; None where it is too small."""
        owner = np.asarray(entries)
        if len(np.unique(owner)) < MIN_ENTRIES:
            return None
        cosines = (vectors @ vectors.T)[owner[:, None] != owner[None, :]].astype(np.float64)
        return cls(float(cosines.mean()), max(float(cosines.std()), _MIN_DEVIATION))

    def standardised(self, cosines: Floats) -> Floats:
        """Cosines of any shape in standard deviations from the mean of unrelated entries."""
        return np.asarray((cosines - self.mean) / self.deviation, np.float32)


# Assumed where no collection of a generation is large enough: close to the starter model's over a mixed catalogue.
UNMEASURED = CosineSpread(0.2, 0.1)


def sampled_rows(count: int) -> npt.NDArray[np.int64]:
    """Rows to sample of an engine of `count` rows, int64 [n], rising; the same at every call."""
    if count <= SAMPLE:
        return np.arange(count, dtype=np.int64)
    return np.sort(np.random.default_rng(_SEED).choice(count, SAMPLE, replace=False)).astype(np.int64)
