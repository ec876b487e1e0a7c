"""Studio pictures: a product alone on white, with the soft shadow it stands in."""

from __future__ import annotations

import numpy as np

from sample.noise import grain
from sample.pixels import Field, Pixels, blur, field, film, resize_field, to_srgb
from sample.render import Layer

OVERSAMPLE = 1.6
"""Studio pictures are rendered this many times larger and averaged."""


_STEP = 8
"""Windows start and end at multiples of this, which `OVERSAMPLE` turns into whole pixels."""


def on_white(layer: Layer, floor: Field, size: int, rng: np.random.Generator) -> Pixels:
    """A layer laid on a white ground darkened by `floor`, at its final size: sRGB [size, size, 3]."""
    shade = resize_field(floor, size, size)
    picture = shade.mean(axis=-1, keepdims=True) * 0.75 + shade * 0.25
    rows, cols = _window(layer.alpha.max(axis=1)), _window(layer.alpha.max(axis=0))
    covered = field(np.dstack([layer.light[rows, cols], layer.alpha[rows, cols]]))
    small_rows, small_cols = _smaller(rows), _smaller(cols)
    height, width = small_rows.stop - small_rows.start, small_cols.stop - small_cols.start
    # A touch of blur before averaging: outlines are cut by whole pixels of the larger picture.
    both = resize_field(blur(covered, 0.6), width, height)
    alpha = both[..., 3:]
    lit = film(both[..., :3]) + picture[small_rows, small_cols] * (1 - alpha)
    # White stays clean: only the product carries the sensor's noise.
    noisy = lit + grain(height, width, rng)[..., None] * 0.0025
    picture[small_rows, small_cols] = np.where(alpha > 0.5, noisy, lit)
    return to_srgb(field(picture))


def _window(used: Field) -> slice:
    """The part of a side that is used, with a little room, in whole steps."""
    places = np.flatnonzero(used)
    first, last = (int(places[0]), int(places[-1])) if places.size else (0, 0)
    return slice(max(first - _STEP, 0) // _STEP * _STEP, min(-(-(last + _STEP) // _STEP) * _STEP, used.size))


def _smaller(window: slice) -> slice:
    return slice(round(window.start / OVERSAMPLE), round(window.stop / OVERSAMPLE))
