"""The scale on which scores become evidence: their logarithm where they are large, about linear where they are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Well above it the scale is logarithmic, since keypoints let a score grow without bound.
SCORE_UNIT = 0.05


def on_scale(scores: Sequence[float]) -> npt.NDArray[np.float64]:
    """Scores [n] on the scale, rising with them.

    In a catalogue whose pictures are all alike, the cosine of a photo is many deviations below theirs, and its scores
    are negative; the inverse hyperbolic sine, about the logarithm of large numbers, tells those apart too.
    """
    return np.asarray(np.arcsinh(np.array(scores, np.float64) / (2 * SCORE_UNIT)) + np.log(SCORE_UNIT), np.float64)


# Of a rival that there is not: of a score of 0.
NO_RIVAL = float(on_scale([0.0])[0])
