"""NNCF, which quantises networks to 8 bits, loaded so that it stays silent."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager, redirect_stdout
from typing import Any

from embedding.encoders.openvino import inference
from embedding.errors import ModelUnavailable


def nncf() -> Any:
    """The package.

    Raises:
        ModelUnavailable: it is not installed.
    """
    inference.openvino()  # first: it silences nncf's telemetry too
    try:
        import nncf as package
    except ImportError as error:
        raise ModelUnavailable(
            f"compiling needs nncf, which does not load ({error}): pip install 'traceobject[compiled]'"
        ) from error
    package.set_log_level(40)
    return package


def without_bars() -> AbstractContextManager[object]:
    """nncf draws its progress on standard output, which belongs to what a command prints."""
    return redirect_stdout(io.StringIO())
