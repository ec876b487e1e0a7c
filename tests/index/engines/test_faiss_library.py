"""FAISS uses the kernels that NumPy chose, whose OpenBLAS knows newer processors than FAISS's own does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# In a process of its own, because a library is loaded once.
LOADED = """
import json, os
import index.engines.faiss_engine
from threadpoolctl import threadpool_info
found = [each for each in threadpool_info() if each["internal_api"] == "openblas"]
kernels = {("faiss" if "faiss" in each["filepath"] else "numpy"): each["architecture"] for each in found}
print(json.dumps([kernels, os.environ.get("OPENBLAS_CORETYPE")]))
"""


def kernels(chosen: str | None = None) -> tuple[dict[str, str], str | None]:
    """The kernels of NumPy's and FAISS's OpenBLAS, and the environment variable once both are loaded."""
    others = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    variable = {"OPENBLAS_CORETYPE": chosen} if chosen else {}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=others | variable, capture_output=True, text=True, check=True, timeout=60
    )
    found, left = json.loads(done.stdout)
    if set(found) != {"numpy", "faiss"}:
        pytest.skip("NumPy or FAISS runs on something else than OpenBLAS here")
    return found, left


def test_they_are_those_of_numpy() -> None:
    found, left = kernels()
    if found["numpy"] not in ("SkylakeX", "Haswell", "Zen"):
        pytest.skip(f"{found['numpy']} goes by another name in FAISS's OpenBLAS")
    assert found["faiss"] == found["numpy"]
    assert left is None, "child processes choose their kernels themselves"


def test_a_choice_in_the_environment_is_respected() -> None:
    found, left = kernels("Nehalem")
    assert found["faiss"] == left == "Nehalem"
