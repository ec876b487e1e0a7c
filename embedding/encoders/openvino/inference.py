"""Networks run by OpenVINO on this machine's CPU, without its telemetry."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from embedding.encoders import model_store as store
from embedding.errors import ModelUnavailable

# Half precision is faster on some machines, but what is stored and compared must be the same on all of them.
SINGLE, HALF = "f32", "bf16"
# The suffix of a network's cache folder, which has a folder for each number of streams and batch size, and the file in
# each of those with the SHA-256 of the others.
_CACHE_SUFFIX, _CHECKSUMS = ".ready", "sha256.json"
_IMPORT_LOCK = threading.Lock()


@cache
def openvino() -> Any:
    """The package openvino, imported without its telemetry.

    Raises:
        ModelUnavailable: it is not installed.
    """
    # Importing openvino, or nncf, would send an event and write to the user's home, unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    with _IMPORT_LOCK:
        try:
            import openvino as package
        except ImportError as error:
            raise ModelUnavailable(
                f"compiled models need openvino, which does not load ({error}): pip install 'traceobject[compiled]'"
            ) from error
        # The first array that it returns initialises its use of NumPy. Two threads that do so at once would deadlock:
        # one has Python's global lock, the other the lock of the initialisation.
        _ = package.Tensor(np.zeros(1, np.float32)).data
    return package


def version() -> str:
    """The release of OpenVINO that is installed, for example "2026.4.1". Raises ModelUnavailable as `openvino` does."""
    release: str = openvino().__version__
    return release.partition("-")[0]


# How many processors networks may use, see limit_cores; 0 is all.
_limit = 0


def limit_cores(count: int) -> None:
    """Let networks that are opened from now on use so many processors, where other processes have the others."""
    global _limit
    _limit = count


def cores() -> int:
    """How many processors this process may run networks on."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_limit or available, available)


def fastest_precision() -> str:
    """HALF on a processor that computes in bfloat16, where convolutions take half of the time; SINGLE elsewhere.

    Raises ModelUnavailable as `openvino` does.
    """
    return HALF if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else SINGLE


def open_network(path: Path, *, streams: int = 1, batch: int = 1, precision: str = SINGLE) -> Any:
    """A network from its .xml and the .bin beside it, both of which the caller has verified.

    Compiling it for this processor takes a second or two, so the result is cached beside it and used the next time by
    the same release on the same kind of processor (OpenVINO's model caching,
    https://docs.openvino.ai/2026/openvino-workflow/running-inference/optimize-inference/optimizing-latency/model-caching-overview.html).

    Args:
        streams: how many inferences run in parallel, sharing the cores; 1 gives all cores to each.
        batch: how many items one inference takes.
        precision: in which it is computed.

    Raises:
        ModelUnavailable: openvino is not installed, or cannot run this network, or not with such a batch.
    """
    # OpenVINO compiles for a number of threads.
    threads, half = f"x{cores()}" if _limit else "", "" if precision == SINGLE else f"-{precision}"
    cache_folder = path.with_suffix(_CACHE_SUFFIX) / f"{streams}x{batch}{threads}{half}"
    try:
        network = path if batch == 1 else _with_batch(batch, path)
        cache_settings = _cache_settings(cache_folder)
        runnable = _core().compile_model(network, "CPU", {**_settings(streams, precision), **cache_settings})
        if cache_settings and not runnable.get_property("LOADED_FROM_CACHE"):
            _write_checksums(cache_folder)
        return runnable
    except RuntimeError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUnavailable(
            f"OpenVINO {version()} cannot run {path}: {lines[-1][:200]}; compile that model again"
        ) from error


def _with_batch(batch: int, path: Path) -> Any:
    """A network of batch size one, reshaped to another batch size."""
    network = _core().read_model(path)
    network.reshape({each: [batch, *list(each.partial_shape)[1:]] for each in network.inputs})
    return network


def read(onnx: bytes) -> Any:
    """A network from an ONNX file, to be modified before it is compiled."""
    return _core().read_model(onnx)


def compiled(network: Any, *, streams: int = 1, settings: Mapping[str, str] | None = None) -> Any:
    """A network that is in memory, compiled to run; `settings` are further ones of OpenVINO's own."""
    return _core().compile_model(network, "CPU", {**_settings(streams), **(settings or {})})


def outputs(request: Any) -> Sequence[Any]:
    """The outputs of a finished request, an array each; copied, because the next run overwrites them."""
    return [tensor.data.copy() for tensor in request.output_tensors]


def release_memory(networks: Iterable[Any]) -> None:
    """Free what the last runs of networks computed with, which they would keep for the next; none may be running."""
    for network in networks:
        network.release_memory()
    if trim := _malloc_trim():
        trim(0)


@cache
def _malloc_trim() -> Any | None:
    """The function of glibc that returns freed memory to the system; other C libraries have none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


@cache
def _core() -> Any:
    return openvino().Core()


def _settings(streams: int, precision: str = SINGLE) -> dict[str, str]:
    threads = {"INFERENCE_NUM_THREADS": str(cores())} if _limit else {}
    return {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(streams), **threads}


def _cache_settings(cache_folder: Path) -> dict[str, str]:
    """The setting that names the cache folder, or none where that cannot be written.

    OpenVINO checks only release, processor and length, and would run damaged weights, so damaged caches are deleted.
    """
    try:
        cache_folder.mkdir(parents=True, exist_ok=True)
        if _checksums(cache_folder) != _read_checksums(cache_folder):
            shutil.rmtree(cache_folder)
            cache_folder.mkdir()
    except OSError:
        return {}
    return {"CACHE_DIR": str(cache_folder)}


def _write_checksums(cache_folder: Path) -> None:
    """Write the checksums of what was just cached, and delete what it replaces."""
    try:
        blobs = sorted(cache_folder.glob("*.blob"), key=lambda path: path.stat().st_mtime_ns)
        for old in blobs[:-1]:
            old.unlink()
        part = cache_folder / f"{_CHECKSUMS}.part"
        part.write_text(json.dumps(_checksums(cache_folder)), encoding="utf-8")
        part.replace(cache_folder / _CHECKSUMS)
    except OSError:
        # The network is compiled again the next time.
        return


def _checksums(cache_folder: Path) -> Mapping[str, str]:
    return {path.name: store.digest(path) for path in cache_folder.glob("*.blob")}


def _read_checksums(cache_folder: Path) -> object:
    try:
        return json.loads((cache_folder / _CHECKSUMS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
