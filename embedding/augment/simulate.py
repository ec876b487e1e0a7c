"""Simulated photos of catalogue pictures: the objects as a phone in a shop or a police crop may show them.

There are no real photos of a new catalogue's products, so photos of its own pictures are simulated to calibrate
likelihoods and to test a generation. Every random choice comes from the given generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embedding.image.foreground import foreground
from embedding.image.regions import Region
from embedding.redaction.conceal import METHODS, conceal, random_box

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

# By how much the camera's tilt moves the corners of the object, as a share of its sides.
_MAX_JITTER = 0.12
# The angle, in radians, that half the width of a rounded object spans on a cylinder; how far dents move its surface, as
# a share of its long side.
_MAX_ANGLE = 1.1
_MAX_DENT = 0.03


@dataclass(frozen=True, eq=False)
class SimulatedPhoto:
    """A simulated photo.

    `image`: uint8 [h, w, 3].
    `object`: bool [h, w], True where the object is visible, before anything was hidden.
    `region`: the object's box.
    `hidden`: bool [h, w], True where the picture was blacked out, whited out, blurred or pixelated.
    """

    image: Image
    object: Mask
    region: Region
    hidden: Mask


def simulate(
    image: Image, rng: np.random.Generator, backgrounds: Sequence[Image] = (), sanitised: float = 0.2
) -> SimulatedPhoto:
    """Simulate a photo of a catalogue picture: perspective, background, occlusion, light, blur, noise and JPEG.

    Args:
        image: uint8 [h, w, 3], one product, preferably before a plain background.
        rng: every choice is drawn from it: the same state gives the same photo, on the same release of OpenCV.
        backgrounds: pictures uint8 [h, w, 3] to put behind the object; painted clutter where there are none.
        sanitised: the probability that a third of the photo is blacked out, whited out, blurred or pixelated.
    """
    height, width = _frame(rng)
    cut, alpha = _bent(*_trimmed(image), rng)
    warp = _camera(cut.shape[:2], (height, width), rng)
    flags = cv2.INTER_AREA
    warped = cv2.warpPerspective(cut, warp, (width, height), flags=flags).astype(np.float32)
    opacity = cv2.warpPerspective(alpha, warp, (width, height), flags=flags)[..., None]
    scene = opacity * warped + (1 - opacity) * _background((height, width), backgrounds, rng)
    scene = _occluded(scene, rng)
    visible = opacity[..., 0] > 0.5
    photo = _photographed(scene, rng)
    hidden = np.zeros((height, width), bool)
    if rng.random() < sanitised:
        photo, hidden = conceal(
            photo, random_box(rng), METHODS[rng.integers(len(METHODS))], float(rng.uniform(0.06, 0.2))
        )
    return SimulatedPhoto(_jpeg(photo, int(rng.integers(40, 93))), visible, _box(visible), hidden)


def _frame(rng: np.random.Generator) -> tuple[int, int]:
    side, aspect = rng.integers(320, 641), rng.uniform(0.6, 1.0)
    lengths = (int(side), max(64, int(side * aspect)))
    return lengths if rng.random() < 0.5 else lengths[::-1]


def _trimmed(image: Image) -> tuple[Image, Floats]:
    """The object's box of a picture, and its foreground."""
    alpha = foreground(image)
    region = _box(alpha > 0.5)
    return region.of(image), alpha[_rows(region, alpha), _columns(region, alpha)]


def _bent(cut: Image, alpha: Floats, rng: np.random.Generator) -> tuple[Image, Floats]:
    """The cut-out as the surface of an object that is not flat: rounded, dented and creased.

    A flat photo of the same picture shares far more keypoints with it than a real photo of the object ever does.
    """
    height, width = alpha.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0.05, _MAX_ANGLE)
    if rng.random() < 0.5:
        x = _rounded(x, width, angle)
    else:
        y = _rounded(y, height, angle)
    for cells, depth in ((3, _MAX_DENT), (8, _MAX_DENT / 4)):
        dents = rng.normal(0, 1, (cells, cells, 2)) * rng.uniform(0, depth) * max(height, width)
        field = cv2.resize(dents.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        x, y = x + field[..., 0], y + field[..., 1]
    bent = np.asarray(cv2.remap(cut, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    return bent, np.asarray(cv2.remap(alpha, x, y, cv2.INTER_LINEAR, borderValue=0), np.float32)


def _rounded(positions: Floats, length: int, angle: float) -> Floats:
    """Positions 0..length on the visible side of a cylinder -> positions on the flat print around it."""
    centred = np.clip(2 * positions / length - 1, -1, 1)
    on_print: Floats = ((np.arcsin(centred * np.sin(angle)) / angle + 1) * length / 2).astype(np.float32)
    return on_print


def _rows(region: Region, array: Floats) -> slice:
    return slice(round(region.y0 * array.shape[0]), round(region.y1 * array.shape[0]))


def _columns(region: Region, array: Floats) -> slice:
    return slice(round(region.x0 * array.shape[1]), round(region.x1 * array.shape[1]))


def _box(mask: Mask) -> Region:
    """The box around True; the whole without any."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Region()
    height, width = mask.shape
    return Region(
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def _camera(size: tuple[int, int], frame: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The homography [3, 3] from a cut-out into the frame: distance, rotation, tilt, position."""
    (height, width), (high, wide) = size, frame
    scale = rng.uniform(0.45, 1.05) * min(high, wide) / max(height, width)
    angle = np.deg2rad(rng.normal(0, 14))
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2 * scale
    jitter = rng.uniform(-_MAX_JITTER, _MAX_JITTER, (4, 2)) * np.array([width, height]) * scale
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([wide, high]) * rng.uniform(0.4, 0.6, 2)
    placed = (corners + jitter) @ rotation.T + centre
    cut_corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(cut_corners, placed.astype(np.float32)), np.float64)


def _background(frame: tuple[int, int], pictures: Sequence[Image], rng: np.random.Generator) -> Floats:
    high, wide = frame
    if len(pictures) and rng.random() < 0.7:
        chosen = pictures[int(rng.integers(len(pictures)))]
        return np.asarray(cv2.resize(chosen, (wide, high), interpolation=cv2.INTER_AREA), np.float32)
    scene = np.zeros((high, wide, 3), np.float32) + rng.uniform(30, 220, 3)
    for cells, depth in ((3, 50.0), (12, 25.0), (48, 12.0)):
        # Scenes vary in brightness more than in hue, so most of the noise is common to the three channels.
        noise = rng.normal(0, depth, (cells, cells, 1)) + rng.normal(0, depth / 3, (cells, cells, 3))
        scene += cv2.resize(noise.astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(0, 25))):
        corner, size = rng.uniform(0, 1, 2) * (wide, high), rng.uniform(0.02, 0.4, 2) * (wide, high)
        box = ((float(corner[0]), float(corner[1])), (float(size[0]), float(size[1])), float(rng.normal(0, 20)))
        tone = np.clip(rng.uniform(0, 255) + rng.normal(0, 40, 3), 0, 255)
        cv2.fillPoly(scene, [cv2.boxPoints(box).astype(np.int32)], tone.tolist())
    return np.clip(scene, 0, 255)


def _occluded(scene: Floats, rng: np.random.Generator) -> Floats:
    """With a probability of one half, something in front of the object: fingers, a strap, another object's edge."""
    if rng.random() < 0.5:
        return scene
    high, wide = scene.shape[:2]
    length, breadth = rng.uniform(0.2, 0.5) * max(high, wide), rng.uniform(0.03, 0.12) * max(high, wide)
    tone = rng.uniform(20, 235, 3).tolist()
    angle, start = float(rng.uniform(0, 180)), rng.uniform(0.1, 0.9, 2) * (wide, high)
    occluded = scene.copy()
    for finger in range(int(rng.integers(1, 4))):
        centre = (float(start[0]), float(start[1] + finger * breadth * 1.2))
        cv2.ellipse(occluded, (centre, (float(length), float(breadth)), angle), tone, -1)
    return occluded


def _photographed(scene: Floats, rng: np.random.Generator) -> Image:
    """Light, lens and sensor: a cast, a gradient of brightness, gamma, blur, noise."""
    high, wide = scene.shape[:2]
    slope = np.linspace(-1, 1, wide)[None, :] * rng.normal(0, 0.15) + np.linspace(-1, 1, high)[:, None] * rng.normal(
        0, 0.15
    )
    lit = scene / 255 * np.exp(rng.normal(0, 0.1, 3)) * np.exp(rng.normal(0, 0.2) + slope)[..., None]
    lit = np.clip(lit, 0, 1) ** np.exp(rng.normal(0, 0.15))
    blurred = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), float(rng.uniform(0.3, 1.8)))
    noisy = blurred * 255 + rng.normal(0, rng.uniform(0.5, 5), blurred.shape)
    photo: Image = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    return photo


def _jpeg(image: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Image = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    return decoded
