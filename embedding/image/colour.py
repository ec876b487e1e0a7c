"""ICC profiles: a picture's colours converted to sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageCms

MAX_PROFILE = 4_000_000
_MAX_CACHED_PROFILE = 65_536
_DEVICES = {"scnr", "mntr", "prtr", "spac"}
_SRGB = ImageCms.createProfile("sRGB")
_LAB = ImageCms.createProfile("LAB")

Recolour = Callable[[Image.Image], Image.Image]


def to_srgb(profile: bytes | None, mode: str) -> Recolour | None:
    """A function that converts pictures of a mode ("L", "RGB", "CMYK" or "LAB") to RGB in sRGB.

    A profile that is broken, too large, of another kind of device or for another mode is ignored, as browsers do.

    Returns:
        None where there is nothing to do: no usable profile, or one that is sRGB already.
    """
    if mode == "LAB":
        return _recolour(ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB"))
    if not profile or len(profile) > MAX_PROFILE:
        return None
    if mode == "RGB" and len(profile) <= _MAX_CACHED_PROFILE and _is_srgb(profile):
        return None
    return _build(profile, mode)


def _build(profile: bytes, mode: str) -> Recolour | None:
    try:
        device = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if device.profile.device_class not in _DEVICES:
            return None
        recolour = _recolour(ImageCms.buildTransform(device, _SRGB, mode, "RGB"))
        recolour(Image.new(mode, (1, 1)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, OverflowError):
        return None
    return recolour


def _recolour(transform: ImageCms.ImageCmsTransform) -> Recolour:
    def recolour(picture: Image.Image) -> Image.Image:
        recoloured = ImageCms.applyTransform(picture, transform)
        assert recoloured is not None
        return recoloured

    return recolour


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether a profile changes no colour of a grid by over one level: most profiles are sRGB under some name."""
    recolour = _build(profile, "RGB")
    if recolour is None:
        return True
    steps = range(0, 256, 17)
    grid = Image.frombytes(
        "RGB", (16, 256), bytes(level for r in steps for g in steps for b in steps for level in (r, g, b))
    )
    levels = zip(grid.tobytes(), recolour(grid).tobytes(), strict=True)
    return all(abs(before - after) <= 1 for before, after in levels)
