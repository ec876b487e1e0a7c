"""The views of a catalogue picture: the regions of it that are embedded, each as a picture of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedding.image.preprocess import Preprocess, prepare
from embedding.image.regions import WHOLE, Region

CATALOGUE_VIEWS: tuple[Region, ...] = (WHOLE,)


def prepare_views(image: npt.NDArray[np.uint8], views: tuple[Region, ...], config: Preprocess) -> npt.NDArray[np.uint8]:
    """Cut and scale regions of an image [h, w, 3] for a model: uint8 [len(views), size, size, 3]."""
    return np.stack([prepare(view.of(image), config) for view in views])
