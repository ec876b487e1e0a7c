"""The grain of things: cloth, knit, wood, carpet, plaster. Each returns or treats an sRGB texture that repeats."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sample.noise import fractal, grain
from sample.palettes import Colour
from sample.pixels import Field, Pixels, blur_wrapped, codes, field, mix, resize_field, sample_field


def relief(picture: Pixels, shade: Field) -> Pixels:
    """The picture with its light multiplied by `shade` (1 leaves it), repeated to the picture's size."""
    h, w = picture.shape[:2]
    ratio = (-(-h // shade.shape[0]), -(-w // shade.shape[1]))
    return codes(picture * np.tile(shade, ratio)[:h, :w, None])


@lru_cache(maxsize=8)
def weave_shade(threads: int, strength: float, size: int = 512) -> Field:
    """Plain weave: warp over weft over warp, every thread round and a little uneven, float32 [size, size]."""
    rng = np.random.default_rng(threads)
    t = np.arange(size) * threads / size
    phase = t % 1.0
    crown = np.sqrt(np.maximum(1 - (2 * phase - 1) ** 2, 0)).astype(np.float32)
    cell = np.floor(t).astype(int)
    over = (cell[:, None] + cell[None, :]) % 2
    height = np.where(
        over == 0, crown[None, :] * (0.7 + 0.3 * crown[:, None]), crown[:, None] * (0.7 + 0.3 * crown[None, :])
    )
    slub = 0.5 * np.repeat(rng.uniform(-1, 1, (threads, 1)), 1, axis=1)
    uneven = resize_field(field(np.broadcast_to(slub, (threads, threads))), size, size) * 0.12
    shade = 1.0 + strength * (height - height.mean() + uneven + 0.25 * fractal(size, 32, rng, 3) * 0.6)
    return field(shade)


def woven(picture: Pixels, threads: int = 128, strength: float = 0.25) -> Pixels:
    """A print on plain-woven cloth."""
    return relief(picture, weave_shade(threads, strength))


@lru_cache(maxsize=8)
def knit_shade(stitches: int, strength: float, size: int = 512) -> Field:
    """Stocking stitch: rows of small V's, float32 [size, size]."""
    y, x = np.mgrid[:size, :size] * (stitches / size)
    side = np.abs((x % 1.0) - 0.5) * 2
    slanted = (y + 0.55 * side) % 1.0
    ridge = np.sin(np.pi * slanted) ** 0.7 * np.sin(np.pi * np.clip(side * 0.9 + 0.06, 0, 1)) ** 0.5
    return field(1 + strength * (ridge - float(ridge.mean())))


def knitted(picture: Pixels, stitches: int = 48, strength: float = 0.5) -> Pixels:
    return relief(picture, knit_shade(stitches, strength))


@lru_cache(maxsize=4)
def fleece_shade(size: int, strength: float) -> Field:
    rng = np.random.default_rng(5)
    tufts = blur_wrapped(grain(size, size, rng), 1.6)
    return field(1 + strength * tufts / float(tufts.std()) * 0.35 + 0.3 * strength * fractal(size, 24, rng, 3))


@lru_cache(maxsize=16)
def wood(tone: Colour, dark: Colour, planks: int = 4, seed: int = 0, size: int = 512) -> Pixels:
    """Boards that run down the picture, each with its own grain, joints between them."""
    rng = np.random.default_rng([seed, planks])
    rings = fractal(size, 4, rng, 5)
    y, x = field(np.mgrid[:size, :size] / size)
    out = np.zeros((size, size, 3), np.float32)
    for k in range(planks):
        inside = (x * planks).astype(int) == k
        shift, tint = rng.uniform(0, 1), rng.uniform(-0.28, 0.28)
        u, v = field((x.ravel() * 1.5 + shift) % 1), field((y.ravel() * 0.25 + shift * 3) % 1)
        swirl = sample_field(rings, u, v).reshape(size, size)
        bands = 0.5 + 0.5 * np.sin((x * 26 + swirl * 5.5 + shift * 9) * 2 * np.pi * 0.6)
        fine = resize_field(grain(size // 16, size, rng), size, size)
        level = np.clip(0.25 + 0.5 * bands * 0.6 + 0.09 * fine + tint, 0, 1)
        board = mix(np.broadcast_to(field(tone), (size, size, 3)), field(dark), field(level)[..., None])
        edge = np.minimum((x * planks) % 1, 1 - (x * planks) % 1)
        board = board * (0.45 + 0.55 * np.clip(edge / 0.012, 0, 1))[..., None]
        joint = np.abs((y + shift) % 1 - 0.5) < 0.0016
        board[joint] *= 0.5
        out[inside] = board[inside]
    return codes(out)


@lru_cache(maxsize=16)
def carpet(tone: Colour, seed: int = 0, size: int = 512) -> Pixels:
    """Short pile."""
    rng = np.random.default_rng([seed, 11])
    tuft = blur_wrapped(grain(size, size, rng), 1.1)
    level = 1 + 0.16 * tuft / float(tuft.std()) + 0.12 * fractal(size, 6, rng, 4)
    return codes(field(tone) * level[..., None])


@lru_cache(maxsize=16)
def plaster(tone: Colour, seed: int = 0, size: int = 512) -> Pixels:
    """A painted wall."""
    rng = np.random.default_rng([seed, 12])
    level = 1 + 0.03 * fractal(size, 3, rng, 4) + 0.012 * grain(size, size, rng)
    return codes(field(tone) * level[..., None])


@lru_cache(maxsize=16)
def stone(tone: Colour, seed: int = 0, size: int = 512) -> Pixels:
    """A worktop with speckles and veins."""
    rng = np.random.default_rng([seed, 13])
    veins = 1 - np.clip(np.abs(fractal(size, 3, rng, 5)) * 9, 0, 1)
    specks = (grain(size, size, rng) > 2.1).astype(np.float32)
    level = 1 + 0.06 * fractal(size, 5, rng, 4) - 0.16 * veins - 0.25 * blur_wrapped(specks, 0.7)
    return codes(field(tone) * level[..., None])
