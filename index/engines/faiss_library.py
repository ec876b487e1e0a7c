"""FAISS, with OpenBLAS kernels that suit this processor.

FAISS's packages include an OpenBLAS of 2021, which falls back to kernels of 2004 on newer processors: training and
filling inverted lists then takes four to five times as long. NumPy's OpenBLAS is recent, so both use its choice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Loads the OpenBLAS whose choice is read.
import numpy as np  # noqa: F401
from threadpoolctl import ThreadpoolController

__all__ = ["faiss"]

# Read once, when OpenBLAS is loaded: https://github.com/OpenMathLib/OpenBLAS#setting-the-number-of-threads-at-runtime
_VARIABLE = "OPENBLAS_CORETYPE"
# The kernels that NumPy's OpenBLAS may choose, and their names in the older one.
_KERNELS = {
    "SapphireRapids": "SkylakeX",
    "Cooperlake": "SkylakeX",
    "SkylakeX": "SkylakeX",
    "Zen": "Zen",
    "Haswell": "Haswell",
}


@contextmanager
def _kernels_of_numpy() -> Iterator[None]:
    """While entered, a newly loaded OpenBLAS uses NumPy's kernels, unless the environment already names others."""
    loaded = ThreadpoolController().select(internal_api="openblas").lib_controllers
    chosen = [_KERNELS[each.architecture] for each in loaded if each.architecture in _KERNELS]
    if not chosen or _VARIABLE in os.environ:
        yield
        return
    os.environ[_VARIABLE] = chosen[0]
    try:
        yield
    finally:
        # Child processes choose their kernels themselves.
        del os.environ[_VARIABLE]


with _kernels_of_numpy():
    import faiss
