"""A decoded picture of any mode -> upright RGB on white, in sRGB.

The final array is filled strip by strip, so that only the decoded picture (up to 4 bytes a pixel) and the array (3
bytes a pixel) take memory in proportion to the picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedding.image.colour import Recolour, to_srgb

Pixels = npt.NDArray[np.uint8]

_STRIP_PIXELS = 1 << 20
_WHITE = (255, 255, 255)
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
# The mode of a picture's profile, where that is not RGB.
_COLOUR_MODES = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK", "LAB": "LAB"}


def upright_rgb(
    picture: Image.Image,
    orientation: int = 1,
    profile: bytes | None = None,
    white_level: int = 65535,
    black_is_white: bool = False,
) -> Pixels:
    """Rotate, flatten and convert a picture to sRGB.

    Args:
        picture: loaded; mode 1, L, LA, La, P, PA, RGB, RGBX, RGBA, RGBa, CMYK, YCbCr, LAB or I;16 in any byte order.
        orientation: 1..8 as EXIF counts them.
        profile: the picture's ICC profile.
        white_level: the value of white in an I;16 picture.
        black_is_white: in an I;16 picture 0 is white.

    Returns:
        uint8 [h, w, 3], C-contiguous.
    """
    width, height = picture.size
    across, down = (height, width) if orientation >= 5 else (width, height)
    array = np.empty((down, across, 3), np.uint8)
    stored = _as_stored(array, orientation)
    mode = "L" if picture.mode.startswith("I;16") else _COLOUR_MODES.get(picture.mode, "RGB")
    recolour = to_srgb(profile, mode)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = picture.crop((0, top, width, min(top + rows, height)))
        if strip.mode.startswith("I;16"):
            strip = _eight_bits(strip, white_level, black_is_white)
        stored[top : top + rows] = np.asarray(_on_white(strip, mode, recolour))
    return array


def paint_outside(image: Pixels, frame: tuple[int, int, int, int]) -> None:
    """Make all but a frame (left, top, right, bottom) white, in place."""
    left, top, right, bottom = frame
    for part in (image[:top], image[bottom:], image[top:bottom, :left], image[top:bottom, right:]):
        part[...] = 255


def _as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of the upright array in which rows and columns run as in the file (EXIF 2.3, tag 0x0112)."""
    if orientation >= 5:
        upright = upright.swapaxes(0, 1)
    # EXIF names the visual side of row 0 and of column 0: top, right, bottom or left.
    if orientation in (3, 4, 6, 7):
        upright = upright[::-1]
    if orientation in (2, 3, 7, 8):
        upright = upright[:, ::-1]
    return upright


def _eight_bits(strip: Image.Image, white_level: int, black_is_white: bool) -> Image.Image:
    """16-bit grey to L, or to LA where one value is transparent."""
    values = np.asarray(strip).astype(np.uint32)
    grey = ((np.minimum(values, white_level) * 255 + white_level // 2) // white_level).astype(np.uint8)
    if black_is_white:
        grey = 255 - grey
    transparent = strip.info.get("transparency")
    if not isinstance(transparent, int):
        return Image.fromarray(grey)
    alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
    return Image.merge("LA", (Image.fromarray(grey), Image.fromarray(alpha)))


def _on_white(strip: Image.Image, mode: str, recolour: Recolour | None) -> Image.Image:
    """RGB of a strip; `mode` is that of its colours, without alpha."""
    alpha = None
    if strip.mode in _WITH_ALPHA or "transparency" in strip.info:
        # Pillow converts premultiplied grey to RGBA only by way of LA.
        strip = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
        alpha = strip.getchannel("A")
        strip = strip.getchannel("R") if mode == "L" else strip.convert("RGB")
    colours = strip if strip.mode == mode else strip.convert(mode)
    rgb = recolour(colours) if recolour else colours.convert("RGB")
    if alpha is None:
        return rgb
    ground = Image.new("RGB", rgb.size, _WHITE)
    ground.paste(rgb, mask=alpha)
    return ground
