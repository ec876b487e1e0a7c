"""Blacked-out, whited-out and blurred boxes: areas without grain that end at straight, upright edges.

Plain backgrounds, walls and skies lack grain too, but they end where the object happens to end; a box that merely
fits into such an area touches its outline in a few points only.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embedding.boxes import Box, largest

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_GRAIN = 2.0  # levels; less than this off its surroundings, a pixel has no grain
_CELLS = 48  # along the long side, for the search of boxes
_CELL_SHARE = 0.9
_LEAST_AREA = 0.02
_MOST_BOXES = 4
_LINE = 7  # pixels: grain of a box narrower than this is taken for a scratch
_STRIP = 4  # pixels before and behind an edge
_ACROSS = 8  # pixels to either side of an edge, where the edge is looked for
_SIDES = 0.55  # share of a box's sides along which grain begins at once
_SIDES_BY_AREA = 0.5  # how much less is asked of a box that is the whole picture
_EMPTY = 0.05  # share of grain that JPEG may leave in a box, away from its edges
_BLACK, _WHITE = 24.0, 240.0
_RIPPLE = 8.0  # levels that JPEG may leave in one colour
_ONE_COLOUR = 0.93
_PAINTED_SIDE = 0.6
_BACKGROUND = 10.0  # levels from the colour of the picture's own plain border
_PLAIN = 0.6


def smooth_boxes(image: Image) -> list[Box]:
    """The painted and blurred boxes of a picture uint8 [h, w, 3] of at most some 500 pixels a side."""
    grain = _grain(image)
    rough = ~_closed(~grain)
    plain = _plain_border(image)
    chosen: list[Box] = []
    left_over = ~rough
    for _ in range(_MOST_BOXES):
        box = _largest(left_over)
        if box is None or box.area < _LEAST_AREA * rough.size:
            break
        left_over[box.slices] = False
        box = _refined(box, rough)
        blurred = _ends_sharply(box, grain) and _is_empty(box, grain)
        if (blurred or _painted(box, image, grain)) and not _is_background(box, image, plain):
            chosen.append(box)
    return chosen


def _grain(image: Image) -> Mask:
    """Where a picture [h, w, 3] has fine grain, bool [h, w]."""
    values = image.astype(np.float32)
    # A flat colour, and a blur strong enough to hide things, come through a light smoothing as they are.
    residual = np.abs(values - cv2.GaussianBlur(values, (0, 0), 1.0)).max(axis=2)
    grain: Mask = residual > _GRAIN
    return grain


def _closed(smooth: Mask) -> Mask:
    """Smooth areas [h, w] with thin lines of grain taken in: an edge that was blurred, a ripple of JPEG."""
    kernel = np.ones((_LINE, _LINE), np.uint8)
    return np.asarray(cv2.morphologyEx(smooth.astype(np.uint8), cv2.MORPH_CLOSE, kernel), np.uint8) > 0


def _largest(smooth: Mask) -> Box | None:
    """The largest upright box of smooth cells of a map [h, w], in pixels."""
    height, width = smooth.shape
    size = max(height, width) / _CELLS
    rows, columns = max(1, int(height / size)), max(1, int(width / size))
    share = cv2.resize(smooth.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    box = largest(np.asarray(share) >= _CELL_SHARE)
    if box is None:
        return None
    x, y = width / columns, height / rows
    return Box(round(box.left * x), round(box.top * y), round(box.right * x), round(box.bottom * y))


def _refined(box: Box, rough: Mask) -> Box:
    """A box with each side moved, by a cell and a half at most, to where smoothness ends most sharply."""
    height, width = rough.shape
    reach = round(1.5 * max(height, width) / _CELLS)
    across = rough[box.top : box.bottom].mean(axis=0)
    down = rough[:, box.left : box.right].mean(axis=1)
    return Box(
        _steepest(across[::-1], width - box.left, reach, width),
        _steepest(down[::-1], height - box.top, reach, height),
        _steepest(across, box.right, reach, 0),
        _steepest(down, box.bottom, reach, 0),
    )


def _steepest(profile: npt.NDArray[np.float64], edge: int, reach: int, flipped: int) -> int:
    """Where roughness steps up most near an edge; counted from the other end if `flipped` is the profile's length."""
    length = len(profile)
    if edge >= length - reach // 2:
        return 0 if flipped else length
    total = np.concatenate([[0.0], np.cumsum(profile)])
    places = np.arange(max(_STRIP, edge - reach // 2), min(length - _STRIP, edge + reach) + 1)
    if not len(places):
        return flipped - edge if flipped else edge
    steps = total[places + _STRIP] - 2 * total[places] + total[places - _STRIP]
    place = int(places[int(steps.argmax())])
    return flipped - place if flipped else place


def _ends_sharply(box: Box, grain: Mask) -> bool:
    """Whether grain begins at once along a box's sides; a large box that fits by chance is rarer than a small one."""
    profiles = _profiles(box, grain)
    sides, lengths = [_begins(profile) for profile in profiles], [len(profile) for profile in profiles]
    if not sides:
        return False
    return float(np.average(sides, weights=lengths)) >= _SIDES - _SIDES_BY_AREA * box.area / grain.size


def _is_empty(box: Box, grain: Mask) -> bool:
    inside = grain[box.top + _ACROSS : box.bottom - _ACROSS, box.left + _ACROSS : box.right - _ACROSS]
    return bool(inside.size) and bool(inside.mean() <= _EMPTY)


def _profiles(box: Box, grain: Mask) -> list[Mask]:
    """Grain across each side of a box that is not the picture's own edge: [along, across], from inside to outside."""
    height, width = grain.shape
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    profiles: list[Mask] = []
    if box.left >= _ACROSS:
        profiles.append(grain[rows, box.left - _ACROSS : box.left + _ACROSS][:, ::-1])
    if box.right <= width - _ACROSS:
        profiles.append(grain[rows, box.right - _ACROSS : box.right + _ACROSS])
    if box.top >= _ACROSS:
        profiles.append(grain[box.top - _ACROSS : box.top + _ACROSS, columns].T[:, ::-1])
    if box.bottom <= height - _ACROSS:
        profiles.append(grain[box.bottom - _ACROSS : box.bottom + _ACROSS, columns].T)
    return [profile for profile in profiles if profile.shape == (len(profile), 2 * _ACROSS) and len(profile)]


def _begins(profile: Mask) -> float:
    """The share of a side along which three smooth pixels are followed by grain within four, at the best position."""
    shares = [
        (profile[:, place : place + _STRIP].any(axis=1) & ~profile[:, place - _STRIP : place - 1].any(axis=1)).mean()
        for place in range(_STRIP, 2 * _ACROSS - _STRIP + 1)
    ]
    return float(max(shares))


def _painted(box: Box, image: Image, grain: Mask) -> bool:
    """Whether a box is of one black or white, and ends at lines, beside which JPEG may have left its ripples."""
    colours = image[box.slices].reshape(-1, 3).astype(np.float32)
    colour = np.median(colours, axis=0)
    if colour.max() > _BLACK and colour.min() < _WHITE:
        return False
    if (np.abs(colours - colour).max(axis=1) <= _RIPPLE).mean() < _ONE_COLOUR:
        return False
    sides = [profile.any(axis=1).mean() for profile in _profiles(box, grain)]
    return bool(sides) and min(sides) >= _PAINTED_SIDE


def _plain_border(image: Image) -> npt.NDArray[np.float32] | None:
    """The one colour [3] of a picture's outermost pixels; None where they have several."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).astype(np.float32)
    colour: npt.NDArray[np.float32] = np.median(border, axis=0).astype(np.float32)
    return colour if (np.abs(border - colour).max(axis=1) <= _BACKGROUND).mean() >= _PLAIN else None


def _is_background(box: Box, image: Image, plain: npt.NDArray[np.float32] | None) -> bool:
    if plain is None:
        return False
    colours = image[box.slices].reshape(-1, 3)
    return bool(np.abs(np.median(colours, axis=0) - plain).max() <= _BACKGROUND)
