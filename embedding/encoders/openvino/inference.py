"""Networks that OpenVINO compiled, on this machine's CPU. What runs here is told to nobody."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from embedding.encoders import model_store as store
from embedding.errors import ModelUnavailable

# Half precision would be faster on some machines, but a network must mean the same on all of them.
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
# The folder of what was made ready of a network, a folder in it for each way to run it, and the file in that with the
# SHA-256 of each other one.
_READY, _PROOF = ".ready", "sha256.json"
_IMPORTING = threading.Lock()


@cache
def openvino() -> Any:
    """The package openvino, imported without its telemetry.

    Raises:
        ModelUnavailable: it is not installed.
    """
    # Importing openvino, or nncf, would send an event out and write to the user's home; without this they go on alone.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    with _IMPORTING:
        try:
            import openvino as package
        except ImportError as error:
            raise ModelUnavailable(
                f"compiled models need openvino, which does not load ({error}): pip install 'traceobject[compiled]'"
            ) from error
        # The first array that it hands out sets up its way to NumPy. Two threads that come to that at once wait for
        # each other for ever: one holds Python's global lock, the other what the first is to set up.
        _ = package.Tensor(np.zeros(1, np.float32)).data
    return package


def version() -> str:
    """The release of OpenVINO that is installed, for example "2026.4.1". Raises ModelUnavailable as `openvino` does."""
    release: str = openvino().__version__
    return release.partition("-")[0]


def cores() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_network(path: Path, *, streams: int = 1, together: int = 1) -> Any:
    """A network from its .xml and the .bin beside it, both of which the caller has verified.

    To make it ready for this processor takes a second or two, so what comes of that is kept beside it and taken the
    next time by the same release on the same kind of processor (OpenVINO's model caching,
    https://docs.openvino.ai/2026/openvino-workflow/running-inference/optimize-inference/optimizing-latency/model-caching-overview.html).

    Args:
        streams: how many inferences run side by side, sharing the cores; 1 gives all cores to each.
        together: how many items one inference takes.

    Raises:
        ModelUnavailable: openvino is not installed, or cannot run this network, or not with so many items.
    """
    ready = path.with_suffix(_READY) / f"{streams}x{together}"
    try:
        network = path if together == 1 else _taking(together, path)
        keeping = _keeping(ready)
        runnable = _core().compile_model(network, "CPU", {**_settings(streams), **keeping})
        if keeping and not runnable.get_property("LOADED_FROM_CACHE"):
            _vouch(ready)
        return runnable
    except RuntimeError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUnavailable(
            f"OpenVINO {version()} cannot run {path}: {lines[-1][:200]}; compile that model again"
        ) from error


def _taking(together: int, path: Path) -> Any:
    """A network that takes one item, read to take several."""
    network = _core().read_model(path)
    network.reshape({each: [together, *list(each.partial_shape)[1:]] for each in network.inputs})
    return network


def read(onnx: bytes) -> Any:
    """A network from an ONNX file, to be changed before it is compiled."""
    return _core().read_model(onnx)


def compiled(network: Any, *, streams: int = 1) -> Any:
    """A network that is in memory, ready to run."""
    return _core().compile_model(network, "CPU", _settings(streams))


def outputs(request: Any) -> Sequence[Any]:
    """What a finished request gave, an array for each output; copied, for the next run overwrites it."""
    return [tensor.data.copy() for tensor in request.output_tensors]


@cache
def _core() -> Any:
    return openvino().Core()


def _settings(streams: int) -> dict[str, str]:
    return {**_EXACT, "NUM_STREAMS": str(streams)}


def _keeping(ready: Path) -> dict[str, str]:
    """The setting that keeps in a folder what was made ready, or none where that cannot be written.

    OpenVINO checks release, processor and length alone, and would run damaged weights: they are deleted here.
    """
    try:
        ready.mkdir(parents=True, exist_ok=True)
        if _digests(ready) != _proof(ready):
            shutil.rmtree(ready)
            ready.mkdir()
    except OSError:
        return {}
    return {"CACHE_DIR": str(ready)}


def _vouch(ready: Path) -> None:
    """Say that what was just made ready is whole, and delete what it takes the place of."""
    try:
        made = sorted(ready.glob("*.blob"), key=lambda path: path.stat().st_mtime_ns)
        for other in made[:-1]:
            other.unlink()
        part = ready / f"{_PROOF}.part"
        part.write_text(json.dumps(_digests(ready)), encoding="utf-8")
        part.replace(ready / _PROOF)
    except OSError:
        # It is made anew the next time.
        return


def _digests(ready: Path) -> Mapping[str, str]:
    return {path.name: store.digest(path) for path in ready.glob("*.blob")}


def _proof(ready: Path) -> object:
    try:
        return json.loads((ready / _PROOF).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
