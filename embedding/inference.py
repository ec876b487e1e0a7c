"""Networks that OpenVINO compiled, on this machine's CPU. What runs here is told to nobody."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from embedding.errors import ModelUnavailable

# Half precision would be faster on some machines, but a network must mean the same on all of them.
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


@cache
def openvino() -> Any:
    """The package openvino, imported without its telemetry.

    Raises:
        ModelUnavailable: it is not installed.
    """
    # Importing openvino, or nncf, would send an event out and write to the user's home; without this they go on alone.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino as package
    except ImportError as error:
        raise ModelUnavailable(
            f"compiled models need openvino, which does not load ({error}): pip install 'traceobject[compiled]'"
        ) from error
    return package


def version() -> str:
    """The release of OpenVINO that is installed, for example "2026.4.1". Raises ModelUnavailable as `openvino` does."""
    release: str = openvino().__version__
    return release.partition("-")[0]


def open_network(path: Path, *, streams: int = 1) -> Any:
    """A network from its .xml and the .bin beside it, both of which the caller has verified.

    Args:
        streams: how many inferences run side by side, sharing the cores; 1 gives all cores to each.

    Raises:
        ModelUnavailable: openvino is not installed, or cannot run this network.
    """
    try:
        return compiled(_core().read_model(path), streams=streams)
    except RuntimeError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUnavailable(
            f"OpenVINO {version()} cannot run {path}: {lines[-1][:200]}; compile that model again"
        ) from error


def compiled(network: Any, *, streams: int = 1) -> Any:
    """A network that is in memory, ready to run."""
    return _core().compile_model(network, "CPU", {**_EXACT, "NUM_STREAMS": str(streams)})


def outputs(request: Any) -> Sequence[Any]:
    """What a finished request gave, an array for each output; copied, for the next run overwrites it."""
    return [tensor.data.copy() for tensor in request.output_tensors]


@cache
def _core() -> Any:
    return openvino().Core()
