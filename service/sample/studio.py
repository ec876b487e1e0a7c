"""Studio pictures: a product alone on white, with the soft shadow it stands in."""

from __future__ import annotations

import numpy as np

from service.sample.noise import grain
from service.sample.pixels import Field, Pixels, field, film, resize_field, to_srgb
from service.sample.render import Layer

OVERSAMPLE = 1.6
"""Studio pictures are rendered this many times larger and averaged."""


def on_white(layer: Layer, floor: Field, size: int, rng: np.random.Generator, exposure: float = 1.0) -> Pixels:
    """A layer laid on a white ground darkened by `floor`, at its final size: sRGB [size, size, 3]."""
    light = resize_field(layer.light, size, size) * exposure
    alpha = resize_field(layer.alpha, size, size)[..., None]
    shade = resize_field(floor, size, size)
    ground = shade.mean(axis=-1, keepdims=True) * 0.75 + shade * 0.25
    picture = film(field(light)) + ground * (1 - alpha)
    # White stays clean: only the product carries the sensor's noise.
    noisy = picture + grain(size, size, rng)[..., None] * 0.0025
    return to_srgb(field(np.where(alpha > 0.5, noisy, picture)))
