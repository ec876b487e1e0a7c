"""FAISS multiplies with the kernels that NumPy chose, which knows newer processors than FAISS's own OpenBLAS does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# In a process of its own, for a library is loaded once.
LOADED = """
import json, os
import index.engines.faiss_engine
from threadpoolctl import threadpool_info
found = [each for each in threadpool_info() if each["internal_api"] == "openblas"]
kernels = {("faiss" if "faiss" in each["filepath"] else "numpy"): each["architecture"] for each in found}
print(json.dumps([kernels, os.environ.get("OPENBLAS_CORETYPE")]))
"""


def kernels(chosen: str | None = None) -> tuple[dict[str, str], str | None]:
    """The kernels of NumPy's and FAISS's OpenBLAS, and what the environment asks for once both are loaded."""
    kept = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    asked = {"OPENBLAS_CORETYPE": chosen} if chosen else {}
    told = subprocess.run(
        [sys.executable, "-c", LOADED], env=kept | asked, capture_output=True, text=True, check=True, timeout=60
    )
    found, left = json.loads(told.stdout)
    if set(found) != {"numpy", "faiss"}:
        pytest.skip("NumPy or FAISS runs on something else than OpenBLAS here")
    return found, left


def test_they_are_those_of_numpy() -> None:
    found, left = kernels()
    if found["numpy"] not in ("SkylakeX", "Haswell", "Zen"):
        pytest.skip(f"{found['numpy']} goes by another name in FAISS's OpenBLAS")
    assert found["faiss"] == found["numpy"]
    assert left is None, "programs that are started from here choose for themselves"


def test_whoever_chose_is_left_alone() -> None:
    found, left = kernels("Nehalem")
    assert found["faiss"] == left == "Nehalem"
