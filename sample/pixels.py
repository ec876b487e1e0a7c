"""Typed steps on pixels: colour space, sampling, blurring. Everything else in the sample draws through these."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""sRGB picture, [h, w, 3]."""
Field = NDArray[np.float32]
"""Any array of float32: linear light, heights, positions."""
Mask = NDArray[np.bool_]

_CODES = np.arange(256, dtype=np.float32) / 255.0
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)
_STEPS = np.linspace(0.0, 1.0, 4096, dtype=np.float32)
_ENCODED = np.where(_STEPS <= 0.0031308, _STEPS * 12.92, 1.055 * _STEPS ** (1 / 2.4) - 0.055)
_ENCODED_8 = np.clip(np.rint(_ENCODED * 255.0), 0, 255).astype(np.uint8)


def field(values: object) -> Field:
    """Anything array-like as float32."""
    return np.asarray(values, dtype=np.float32)


def to_linear(picture: Pixels) -> Field:
    """sRGB codes -> linear light in 0..1 (IEC 61966-2-1)."""
    return _LINEAR[picture]


def to_srgb(light: Field) -> Pixels:
    """Linear light, clipped to 0..1 -> sRGB codes."""
    return _ENCODED_8[(np.clip(light, 0.0, 1.0) * 4095.0 + 0.5).astype(np.int16)]


def film(light: Field, shoulder: float = 0.8) -> Field:
    """Rolls highlights off above `shoulder` instead of clipping them, as a camera does."""
    over = np.maximum(light - shoulder, 0.0)
    span = 1.0 - shoulder
    return field(np.minimum(light, shoulder) + span * (1.0 - np.exp(-over / span)))


def codes(values: object) -> Pixels:
    """Numbers on the scale 0..255 as bytes, rounded and clipped."""
    return np.asarray(np.clip(np.rint(np.asarray(values)), 0, 255), dtype=np.uint8)


def _resized(picture: NDArray[np.uint8] | NDArray[np.float32], width: int, height: int) -> NDArray[Any]:
    """Area-averaged when smaller, cubic when larger; keeps the dtype."""
    how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how))


def resize_pixels(picture: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(_resized(picture, width, height), dtype=np.uint8)


def resize_field(values: Field, width: int, height: int) -> Field:
    return field(_resized(values, width, height))


def blur(values: Field, sigma: float) -> Field:
    """Gaussian, `sigma` in pixels; the edge is mirrored."""
    return values if sigma <= 0 else field(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def blur_wrapped(values: Field, sigma: float) -> Field:
    """Gaussian on a tile whose edges meet."""
    pad = min(int(3 * sigma) + 2, min(values.shape[:2]) - 1)
    widths = ((pad, pad), (pad, pad)) + ((0, 0),) * (values.ndim - 2)
    return field(cv2.GaussianBlur(np.pad(values, widths, mode="wrap"), (0, 0), sigma))[pad:-pad, pad:-pad]


def _sampled(texture: NDArray[np.uint8] | NDArray[np.float32], u: Field, v: Field) -> NDArray[Any]:
    """Bilinear look-up at texture coordinates that wrap at 1; u, v of shape [k]. Returns [k, channels] (or [k])."""
    height, width = texture.shape[:2]
    count = u.size
    if not count:
        return np.zeros((0, *texture.shape[2:]), texture.dtype)
    columns = 4096
    rows = -(-count // columns)
    x = np.zeros(rows * columns, np.float32)
    y = np.zeros(rows * columns, np.float32)
    x[:count] = np.mod(u, 1.0) * width - 0.5
    y[:count] = np.mod(v, 1.0) * height - 0.5
    shape = (rows, columns)
    out = cv2.remap(texture, x.reshape(shape), y.reshape(shape), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    flat = np.asarray(out, dtype=texture.dtype).reshape(rows * columns, -1)[:count]
    return flat[:, 0] if texture.ndim == 2 else flat


def sample_pixels(texture: Pixels, u: Field, v: Field) -> Pixels:
    """Colours of a picture [h, w, 3] at texture coordinates, [k, 3]."""
    return np.asarray(_sampled(texture, u, v), dtype=np.uint8)


def sample_field(texture: Field, u: Field, v: Field) -> Field:
    """Values of a field [h, w] or [h, w, c] at texture coordinates, [k] or [k, c]."""
    return field(_sampled(texture, u, v))


def mix(first: Field, second: Field | float, amount: Field | float) -> Field:
    """first at amount 0, second at amount 1."""
    return field(first + (second - first) * amount)


def smoothstep(low: float, high: float, values: Field) -> Field:
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return field(t * t * (3.0 - 2.0 * t))


def unit(vectors: Field) -> Field:
    """Rows of the last axis scaled to length one (zero stays zero)."""
    length = np.sqrt(np.sum(vectors * vectors, axis=-1, keepdims=True))
    return field(vectors / np.maximum(length, 1e-9))


def lay(picture: Field, over: Field, alpha: Field) -> Field:
    """`over` on `picture` where alpha [h, w] is one; both in linear light."""
    return field(picture + (over - picture) * alpha[..., None])
