"""XFeat in 8 bits: descriptors in half the time, and keypoints where they are in single precision.

The keypoint head, a sixteenth of the work, and what reads the picture itself keep single precision, because maxima of
keypoint heat move with the least noise. The other convolutions are calibrated on drawn pictures, the same on every
machine: XFeat normalises each picture's contrast, so the ranges of its activations depend little on what is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embedding.encoders.openvino import inference, quantisation

CALIBRATION_PICTURES, COMPARED_PICTURES = 30, 6
# Of descriptors in 8 bits and in single precision, in the mean over pictures that did not calibrate.
MIN_COSINE = 0.95
_HIGH, _WIDE = 384, 512
_HEAT_OUTPUT = 1
_OCTAVES = 7
_NO_LAYERS = ("Parameter", "Constant", "Result")


def quantised(network: Any) -> Any:
    """The network in 8 bits, but for the layers of keypoint heat; as it is, where its descriptors agree too little.

    Sums of products may saturate on a processor without instructions for 8 bits (VNNI).

    Method: post-training quantisation (Nagel et al., "A white paper on neural network quantization", 2021), by NNCF.

    Raises:
        ModelUnavailable: nncf is not installed.
    """
    in_8_bits = _in_8_bits(network)
    return in_8_bits if _mean_cosine(in_8_bits, network) >= MIN_COSINE else network


def _in_8_bits(network: Any) -> Any:
    nncf = quantisation.nncf()
    pictures = [picture[None, None] for picture in drawn_pictures(CALIBRATION_PICTURES)]
    with quantisation.without_bars():
        return nncf.quantize(
            network,
            nncf.Dataset(pictures),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            ignored_scope=nncf.IgnoredScope(names=_exact_layers(network), validate=False),
        )


def _mean_cosine(in_8_bits: Any, network: Any) -> float:
    """The mean cosine of the descriptors of both networks on this machine."""
    one, other = inference.compiled(in_8_bits), inference.compiled(network)
    drawn = islice(drawn_pictures(CALIBRATION_PICTURES + COMPARED_PICTURES), CALIBRATION_PICTURES, None)
    return float(np.mean([(one([p[None, None]])[0] * other([p[None, None]])[0]).sum(axis=0).mean() for p in drawn]))


def drawn_pictures(count: int) -> Iterator[npt.NDArray[np.float32]]:
    """Grey pictures float32 [384, 512], 0..255: fractal noise with shapes and letters, from fixed seeds."""
    for seed in range(count):
        generator = np.random.default_rng((_OCTAVES, seed))
        picture = _fractal_noise(generator)
        for _ in range(int(generator.integers(5, 60))):
            _draw_something(picture, generator)
        yield picture.astype(np.float32)


def _exact_layers(network: Any) -> list[str]:
    """The names of all layers but the convolutions that are quantised: not those of keypoint heat, nor of the picture.

    A convolution of the picture itself would have the picture quantised for the keypoint head as well.
    """
    heat = _layers_before(network.output(_HEAT_OUTPUT))
    layers = [node for node in network.get_ordered_ops() if node.get_type_name() not in _NO_LAYERS]
    return [
        node.get_friendly_name()
        for node in layers
        if node.get_type_name() != "Convolution"
        or node.get_friendly_name() in heat
        or node.input(1).get_shape()[1] == 1
    ]


def _layers_before(output: Any) -> set[str]:
    """The names of the layers that an output's values are computed from; of others the shape alone may be asked for."""
    pending, seen = [output.get_node()], set[str]()
    while pending:
        node = pending.pop()
        if node.get_friendly_name() not in seen and node.get_type_name() != "ShapeOf":
            seen.add(node.get_friendly_name())
            pending += [source.get_source_output().get_node() for source in node.inputs()]
    return seen


def _fractal_noise(generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Noise whose octaves fade as fast as those of photos, more or less contrasty and bright."""
    fading = generator.uniform(0.3, 0.9)
    noise = np.zeros((_HIGH, _WIDE), np.float32)
    for octave in range(1, _OCTAVES + 1):
        high, wide = (side >> (_OCTAVES + 1 - octave) for side in (_HIGH, _WIDE))
        coarse = generator.standard_normal((high, wide)).astype(np.float32)
        noise += fading**octave * cv2.resize(coarse, (_WIDE, _HIGH), interpolation=cv2.INTER_CUBIC)
    noise = (noise - noise.min()) / np.ptp(noise)
    return np.asarray(noise * generator.uniform(30, 200) + generator.uniform(0, 55), np.uint8)


def _draw_something(picture: npt.NDArray[np.uint8], generator: np.random.Generator) -> None:
    """An ellipse, a rectangle at any angle or some letters, in one grey."""
    grey, size = int(generator.integers(256)), int(generator.integers(4, 120))
    place = int(generator.integers(_WIDE)), int(generator.integers(_HIGH))
    other, angle = int(generator.integers(2, 120)), float(generator.uniform(0, 180))
    kind = int(generator.integers(3))
    if kind == 0:
        cv2.ellipse(picture, place, (size, other), angle, 0, 360, grey, int(generator.choice([-1, 1, 2, 4])))
    elif kind == 1:
        corners = cv2.boxPoints((place, (size, other), angle)).astype(np.int32)
        cv2.fillPoly(picture, [corners], grey)
    else:
        letters = "".join(map(chr, generator.integers(ord("A"), ord("Z") + 1, 6)))
        font, width = int(generator.integers(4)), int(generator.integers(1, 4))
        cv2.putText(picture, letters, place, font, size / 50 + 0.3, grey, width, cv2.LINE_AA)
