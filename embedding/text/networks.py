"""The networks that read text: PP-OCRv6 (small) to detect and recognise it, PP-OCR's classifier of upside-down lines.

Their weights come inside the package rapidocr, of which nothing else is used: OpenVINO runs them directly.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino import inference
from embedding.errors import ModelUnavailable

Floats = npt.NDArray[np.float32]

PACKAGE = "rapidocr"
# Without dependencies: none of the code that needs them is used.
REMEDY = "pip install --no-deps rapidocr==3.10.0"
DETECTION, RECOGNITION, DIRECTION = "PP-OCRv6_det_small", "PP-OCRv6_rec_small", "ch_ppocr_mobile_v2.0_cls_mobile"
SHA256: Mapping[str, str] = {
    DETECTION: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNITION: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    DIRECTION: "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
}
# Pictures and lines have many shapes; what is prepared for each of them would fill the memory.
_SETTINGS = {"CPU_RUNTIME_CACHE_CAPACITY": "16"}


@dataclass(frozen=True)
class Networks:
    """The three networks, ready to run.

    `alphabet`: the character of each of the recogniser's classes; the first, "", separates equal letters.
    """

    detection: Any
    recognition: Any
    direction: Any
    alphabet: tuple[str, ...]

    def release_memory(self) -> None:
        """Give back what the last runs computed with; the next ones allocate it again. None may be running."""
        inference.release_memory((self.detection, self.recognition, self.direction))


def available() -> bool:
    """Whether the packages that read text are installed: the extra `text`, and rapidocr. Nothing is imported."""
    return all(importlib.util.find_spec(name) is not None for name in (PACKAGE, "openvino", "zxingcpp", "pycld2"))


@cache
def networks() -> Networks:
    """The networks, loaded.

    Raises:
        ModelUnavailable: a package is missing, or weights are not those that were measured.
    """
    recognition = inference.read(weights(RECOGNITION))
    characters = recognition.get_rt_info(["framework", "character"]).astype(str).split("\n")
    return Networks(
        detection=inference.compiled(inference.read(weights(DETECTION)), settings=_SETTINGS),
        recognition=inference.compiled(_most_probable(recognition), settings=_SETTINGS),
        direction=inference.compiled(inference.read(weights(DIRECTION)), settings=_SETTINGS),
        alphabet=("", *characters, " "),
    )


def weights(name: str, folder: Path | None = None) -> bytes:
    """An ONNX file of the package.

    Raises:
        ModelUnavailable: it is missing, or is not the one that was measured.
    """
    path = (folder or _packaged()) / f"{name}.onnx"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror or error}; {REMEDY}") from error
    if (found := hashlib.sha256(data).hexdigest()) != SHA256[name]:
        raise ModelUnavailable(f"{path} is not {name}: its SHA-256 is {found}, expected {SHA256[name]}; {REMEDY}")
    return data


def _most_probable(recognition: Any) -> Any:
    """The recogniser with each step's most probable class and its probability as outputs, instead of all 18,710."""
    package = inference.openvino()
    probabilities = recognition.output(0).get_node().input_value(0)
    best = package.opset13.topk(
        probabilities, package.opset13.constant(1), axis=2, mode="max", sort="value", index_element_type="i32"
    )
    return package.Model([best.output(0), best.output(1)], recognition.get_parameters(), "recognition")


def _packaged() -> Path:
    """The folder of the weights in the package, which is not imported because that would need further packages."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelUnavailable(f"the weights that read text are not here: {REMEDY}")
    return Path(spec.origin).parent / "models"
