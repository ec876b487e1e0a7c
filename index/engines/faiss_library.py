"""FAISS, with the matrix products of this processor.

FAISS's packages bring an OpenBLAS of 2021, which takes a newer processor for one of 2004: training inverted lists and
filling them then take four to five times as long. NumPy's OpenBLAS is of this year, so its choice is taken for both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Loads the OpenBLAS that is asked.
import numpy as np  # noqa: F401
from threadpoolctl import ThreadpoolController

__all__ = ["faiss"]

# Read once, when OpenBLAS is loaded: https://github.com/OpenMathLib/OpenBLAS#setting-the-number-of-threads-at-runtime
_ASKED = "OPENBLAS_CORETYPE"
# What NumPy's may choose, and what the older one calls that.
_KERNELS = {
    "SapphireRapids": "SkylakeX",
    "Cooperlake": "SkylakeX",
    "SkylakeX": "SkylakeX",
    "Zen": "Zen",
    "Haswell": "Haswell",
}


@contextmanager
def _kernels_of_numpy() -> Iterator[None]:
    """Asks an OpenBLAS that is loaded within for the kernels that NumPy's runs; whoever chose already is left alone."""
    loaded = ThreadpoolController().select(internal_api="openblas").lib_controllers
    chosen = [_KERNELS[each.architecture] for each in loaded if each.architecture in _KERNELS]
    if not chosen or _ASKED in os.environ:
        yield
        return
    os.environ[_ASKED] = chosen[0]
    try:
        yield
    finally:
        # Programs that are started from here choose for themselves.
        del os.environ[_ASKED]


with _kernels_of_numpy():
    import faiss
