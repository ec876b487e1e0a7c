"""Smooth randomness: tileable noise in several octaves (Perlin's fractal sum over value noise)."""

from __future__ import annotations

import numpy as np

from sample.pixels import Field, field, resize_field


def value_noise(size: int, cells: int, rng: np.random.Generator) -> Field:
    """Smooth noise in -1..1, [size, size], that repeats at its edges, with `cells` bumps a side."""
    lattice = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    padded = np.pad(lattice, 2, mode="wrap")
    step = size / cells
    grown = resize_field(padded, round((cells + 4) * step), round((cells + 4) * step))
    start = round(2 * step)
    return grown[start : start + size, start : start + size]


def fractal(size: int, cells: int, rng: np.random.Generator, octaves: int = 4, gain: float = 0.5) -> Field:
    """Sum of octaves of `value_noise`, about -1..1, [size, size], tileable."""
    total = np.zeros((size, size), np.float32)
    weight, reach = 1.0, 0.0
    for _ in range(octaves):
        if cells > size // 2:
            break
        total += weight * value_noise(size, cells, rng)
        reach += weight
        weight, cells = weight * gain, cells * 2
    return field(total / reach * 1.4)


def grain(height: int, width: int, rng: np.random.Generator) -> Field:
    """White Gaussian noise of deviation one."""
    return rng.standard_normal((height, width), dtype=np.float32)
