"""Shapes and their surfaces -> light on a picture. A `Shot` (all but the colours) serves every product of one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.camera import Camera
from sample.light import Rig, bake, mirror
from sample.mesh import Patch, Shape, bounds, sheet
from sample.pixels import (
    Field,
    Mask,
    Pixels,
    blur,
    field,
    sample_field,
    sample_pixels,
    smoothstep,
    to_linear,
    unit,
)
from sample.raster import Seen, rasterise

LAMPLIGHT = np.array([1.0, 0.80, 0.52], np.float32)


@dataclass(frozen=True)
class Material:
    """How a surface answers light.

    `shine` is the strength of its mirror image, `softness` how blurred that is; `sheen` brightens grazing angles
    (cloth); `glow` is light of its own, as a share of its colour; `metal` tints the mirror image.
    """

    shine: float = 0.0
    softness: float = 0.5
    sheen: float = 0.0
    glow: float = 0.0
    metal: float = 0.0


@dataclass(frozen=True)
class Surface:
    """What a slot of a shape is covered with: an sRGB texture [h, w, 3], how often it repeats across and down."""

    texture: Pixels
    material: Material = Material()
    repeat: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Shot:
    """A shape seen by a camera in some light, before it has colours.

    `floor` is the light left on the ground ([h / 2, w / 2, 3], 1 where nothing shades it), `holes` the pixels to mend;
    `mirrored` keeps mirror images once they are made.
    """

    shape: Shape
    camera: Camera
    rig: Rig
    seen: tuple[Seen, ...]
    floor: Field
    holes: NDArray[np.int64]
    mirrored: dict[tuple[int, float], Field]


def shoot(shape: Shape, camera: Camera, rig: Rig, cut: Mapping[str, Mask] | None = None, grounded: bool = True) -> Shot:
    """Finds what is seen and how it is lit. The shape stands on y = 0 when `grounded`."""
    floor_patch = _floor(shape)
    lights, floors = bake(rig, shape, (floor_patch,))
    masks = {i: cut[p.slot] for i, p in enumerate(shape) if p.slot in cut} if cut else None
    seen = rasterise(shape, lights, camera, masks)
    floor = _shade_floor(floor_patch, floors[0], camera) if grounded else np.ones((camera.height, camera.width, 3))
    return replace(finish(shape, camera, rig, seen), floor=field(floor))


def finish(shape: Shape, camera: Camera, rig: Rig, seen: tuple[Seen, ...]) -> Shot:
    """A shot of what `rasterise` found, over a ground that nothing shades."""
    floor = np.ones((1, 1, 3), np.float32)
    return Shot(shape, camera, rig, seen, floor, _holes(seen, camera), {})


def _floor(shape: Shape) -> Patch:
    low, high = bounds(shape)
    reach = float(max(high - low)) * 1.5
    x, z = float(low[0] + high[0]) / 2, float(low[2] + high[2]) / 2
    return sheet(
        "floor",
        lambda s, t: (x + (s - 0.5) * 2 * reach, field(np.zeros_like(s)), z + (t - 0.5) * 2 * reach),
        128,
        128,
    )


def _shade_floor(patch: Patch, light: Field, camera: Camera) -> Field:
    """Light on the ground as a picture of half the size: the share of the open light left, 1 outside and above."""
    open_light = np.quantile(light.reshape(-1, 3), 0.98, axis=0)
    share = np.minimum(blur(field(light / open_light), 1.2), 1.0)
    # The palest tenth of the shadow is left out: a studio floor is lit until it is white.
    share = np.minimum(share / 0.93, 1.0)
    n = share.shape[0]
    # Fades to untouched away from the thing, so that no edge shows on the white ground.
    y, x = np.mgrid[:n, :n] / (n - 1) * 2 - 1
    weight = 1 - smoothstep(0.45, 0.95, field(np.hypot(x, y)))[..., None]
    share = field(1 - (1 - share) * weight)
    quarter = Camera(
        camera.eye,
        camera.axes,
        camera.focal / 2,
        camera.width // 2,
        camera.height // 2,
        (camera.centre[0] / 2, camera.centre[1] / 2),
    )
    rays = quarter.rays()
    falling = rays[..., 1] < -1e-3
    distance = np.where(falling, -camera.eye[1] / np.where(falling, rays[..., 1], -1.0), 0.0)
    hit = camera.eye + rays * distance[..., None]
    low, high = patch.grid[0, 0], patch.grid[-1, -1]
    u = (hit[..., 0] - low[0]) / (high[0] - low[0])
    v = (hit[..., 2] - low[2]) / (high[2] - low[2])
    inside = falling & (u > 0.01) & (u < 0.99) & (v > 0.01) & (v < 0.99)
    picture = np.ones((*inside.shape, 3), np.float32)
    picture[inside] = sample_field(share, field(u[inside]), field(v[inside]))
    return picture


@dataclass(frozen=True)
class Layer:
    """A rendered cut-out: linear light times coverage [h, w, 3] and coverage [h, w]."""

    light: Field
    alpha: Field


def develop(shot: Shot, surfaces: Mapping[str, Surface]) -> Layer:
    """Colours a shot. Every slot of its shape needs a surface; the slot's look is texture x light + mirror image."""
    camera = shot.camera
    picture = np.zeros((camera.height * camera.width, 4), np.float32)
    for number, seen in enumerate(shot.seen):
        picture[seen.pixel, :3] = _answer(number, surfaces[shot.shape[seen.patch].slot], shot)
        picture[seen.pixel, 3] = 1.0
    mended = _mend(picture.reshape(camera.height, camera.width, 4), shot.holes)
    return Layer(mended[..., :3], mended[..., 3])


def _answer(number: int, surface: Surface, shot: Shot) -> Field:
    seen, material = shot.seen[number], surface.material
    u, v = seen.uv[:, 0], seen.uv[:, 1]
    colour = to_linear(sample_pixels(surface.texture, u * surface.repeat[0], v * surface.repeat[1]))
    out = colour * seen.light
    if material.glow:
        # A bulb inside is nearest to the middle of a shade's height.
        near = 0.35 + 0.85 * np.exp(-(((v - 0.5) / 0.34) ** 2))
        out = out + colour * (material.glow * near)[:, None] * LAMPLIGHT
    if material.shine:
        key = (number, material.softness)
        if key not in shot.mirrored:
            shot.mirrored[key] = _mirrored(seen, shot, material.softness)
        tint = colour * (material.metal * 8) + (1 - material.metal) if material.metal else 1.0
        out = out + shot.mirrored[key] * (tint * material.shine)
    if material.sheen:
        view = unit(field(shot.camera.eye - seen.point))
        grazing = (1 - np.clip(np.sum(view * seen.normal, axis=-1), 0.0, 1.0)) ** 3
        out = out + (material.sheen * grazing)[:, None] * seen.light * (0.25 + 0.75 * colour)
    return field(out)


def _mirrored(seen: Seen, shot: Shot, softness: float) -> Field:
    """The mirror image on a patch at full shine."""
    view = unit(field(shot.camera.eye - seen.point))
    facing = np.clip(np.sum(view * seen.normal, axis=-1), 0.0, 1.0)
    bounced = 2 * facing[:, None] * seen.normal - view
    # Schlick's approximation: a mirror image of a few per cent head on, strong at grazing angles.
    strength = 0.045 + 0.6 * (1 - facing) ** 5
    # Where little light arrives (inside a mug), little of the studio is seen either.
    open_share = np.clip(seen.light.mean(axis=-1) * 1.6, 0.0, 1.0)
    return field((strength * open_share)[:, None] * mirror(shot.rig, field(bounced), softness))


def _holes(seen: Sequence[Seen], camera: Camera) -> NDArray[np.int64]:
    """Pixels that splatting missed: clearly farther away than most of their neighbours."""
    depth = np.full(camera.height * camera.width, 1e3, np.float32)
    for piece in seen:
        depth[piece.pixel] = (piece.point - camera.eye) @ camera.axes[2]
    image = depth.reshape(camera.height, camera.width)
    middle = np.asarray(cv2.medianBlur(image, 3))
    return np.flatnonzero(image > middle * 1.004)


def _mend(picture: Field, holes: NDArray[np.int64]) -> Field:
    """Holes take the mean of the covered neighbours that are not holes themselves."""
    if not holes.size:
        return picture
    height, width = picture.shape[:2]
    flat = picture.reshape(-1, 4)
    open_mask = np.zeros(height * width, np.bool_)
    open_mask[holes] = True
    total = np.zeros((holes.size, 4), np.float32)
    count = np.zeros((holes.size, 1), np.float32)
    for step in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
        near = np.clip(holes + step, 0, height * width - 1)
        good = (~open_mask[near] & (flat[near, 3] > 0))[:, None]
        total += flat[near] * good
        count += good
    found = count[:, 0] > 0
    flat[holes[found]] = total[found] / count[found]
    return picture
