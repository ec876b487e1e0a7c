"""Pictures of high dynamic range to sRGB: PQ and HLG (ITU-R BT.2100), tone-mapped as ITU-R BT.2390-10, 5.4, has it.

The white of an ordinary picture is 203 cd/m2 (ITU-R BT.2408): what is no brighter comes out as it would be in sRGB, and
highlights above it are compressed into what is left, as far as the picture has any.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Transfer characteristics and colour primaries by their numbers (ITU-T H.273).
PQ, HLG = 16, 18
BT2020, DISPLAY_P3 = 9, 12
WHITE = 203.0
_HLG_PEAK = 1000.0
_STRIP_PIXELS = 1 << 20
_SAMPLED_PIXELS = 1 << 20
# So fine that the darkest levels of sRGB have twenty steps each.
_STEPS = 65_535
# The brightest ten-thousandth may be noise.
_PEAK_PERCENTILE = 99.99

_TO_BT709 = {
    BT2020: np.array(
        [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]],
        np.float32,
    ),
    DISPLAY_P3: np.array(
        [[1.224940, -0.224940, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]], np.float32
    ),
}
_BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)


@dataclass(frozen=True)
class HighDynamicRange:
    """How samples are coded: `transfer` is PQ or HLG, `primaries` the number of their colours."""

    transfer: int
    primaries: int


def to_sdr(samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], coded: HighDynamicRange) -> npt.NDArray[np.uint8]:
    """Tone-map a picture.

    Args:
        samples: RGB, uint8 or uint16 [h, w, 3], full range.

    Returns:
        uint8 [h, w, 3], sRGB, C-contiguous. Work goes strip by strip, so that no float array grows with the picture.
    """
    height, width = samples.shape[:2]
    levels = np.linspace(0, 1, np.iinfo(samples.dtype).max + 1, dtype=np.float32)
    table = _pq_to_nits(levels) if coded.transfer == PQ else _hlg_to_scene(levels)
    step = max(1, int(np.sqrt(height * width / _SAMPLED_PIXELS)))
    peak = float(np.percentile(_nits(samples[::step, ::step], table, coded).max(axis=-1), _PEAK_PERCENTILE))
    matrix = _TO_BT709.get(coded.primaries)
    image = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        light = _compressed(_nits(samples[top : top + rows], table, coded), peak) / np.float32(WHITE)
        if matrix is not None:
            light = light @ matrix.T
        image[top : top + rows] = _srgb_levels()[np.clip(light * _STEPS, 0, _STEPS).astype(np.uint16)]
    return image


def _nits(samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], table: Floats, coded: HighDynamicRange) -> Floats:
    """The light of each sample on the display, in cd/m2: float32 [h, w, 3]."""
    light = table[samples]
    if coded.transfer == PQ:
        return light
    # HLG's OOTF for a display of 1000 cd/m2: a gamma of 1.2 on the luminance of the scene.
    luminance = (light @ _BT2020_LUMINANCE)[..., None]
    shown: Floats = np.float32(_HLG_PEAK) * np.maximum(luminance, np.float32(1e-9)) ** np.float32(0.2) * light
    return shown


def _compressed(nits: Floats, peak: float) -> Floats:
    """The EETF: light up to `peak` brought under WHITE, hues kept by scaling all channels as the brightest is."""
    if peak <= WHITE:
        return nits
    brightest = np.clip(nits.max(axis=-1, keepdims=True), 1e-4, peak)
    peak_level = _nits_to_pq(np.float32(peak))
    level = _nits_to_pq(brightest) / peak_level
    most = _nits_to_pq(np.float32(WHITE)) / peak_level
    knee = 1.5 * most - 0.5
    t = np.clip((level - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    mapped = _pq_to_nits(np.where(level > knee, spline, level) * peak_level)
    scaled: Floats = nits * (mapped / brightest).astype(np.float32)
    return scaled


# SMPTE ST 2084.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_to_nits(level: Floats) -> Floats:
    power = np.power(np.clip(level, 0, 1), 1 / _M2)
    nits: Floats = (10_000 * np.power(np.maximum(power - _C1, 0) / (_C2 - _C3 * power), 1 / _M1)).astype(np.float32)
    return nits


def _nits_to_pq(nits: Floats | np.float32) -> Floats:
    power = np.power(np.asarray(nits, np.float32) / 10_000, _M1)
    level: Floats = np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2).astype(np.float32)
    return level


def _hlg_to_scene(level: Floats) -> Floats:
    """The inverse OETF of BT.2100: scene light, 0 to 1."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene: Floats = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12).astype(np.float32)
    return scene


@cache
def _srgb_levels() -> npt.NDArray[np.uint8]:
    """The level of each of _STEPS + 1 steps of light (IEC 61966-2-1)."""
    light = np.linspace(0, 1, _STEPS + 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    levels: npt.NDArray[np.uint8] = np.rint(coded * 255).astype(np.uint8)
    return levels
