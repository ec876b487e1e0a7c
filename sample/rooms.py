"""Rooms: things on a floor and before a wall, rendered as a camera at home sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sample.camera import Camera
from sample.family import Design, Family
from sample.furs import grow
from sample.light import Rig, bake
from sample.mesh import Patch, Shape, bounds, sheet
from sample.noise import fractal
from sample.pixels import (
    Field,
    Mask,
    Pixels,
    blur,
    field,
    resize_pixels,
    sample_field,
    sample_pixels,
    to_linear,
)
from sample.raster import rasterise
from sample.render import Surface, develop, finish


@dataclass(frozen=True)
class Plane:
    """The ground (y = 0) or a wall (z = `at`), its texture and how large one repeat of it is, in metres."""

    upright: bool
    at: float
    surface: Surface
    tile: tuple[float, float]
    creases: float = 0.0


@dataclass(frozen=True)
class Thing:
    """A product placed in a room."""

    family: Family
    design: Design
    shape: Shape


@dataclass(frozen=True)
class Scene:
    """A picture taken in a room, linear light [h, w, 3], and where in it the product shows, [h, w].

    `shown` is how much of the box around the product (of the whole picture, for what covers a wall) it fills.
    """

    light: Field
    product: Mask
    shown: float


def _receiver(plane: Plane, reach: float) -> Patch:
    if plane.upright:
        return sheet(
            "wall",
            lambda s, t: ((s - 0.5) * 2 * reach, (0.62 - t) * 2 * reach, field(np.full_like(s, plane.at))),
            48,
            48,
        )
    return sheet("ground", lambda s, t: ((s - 0.5) * 2 * reach, field(np.zeros_like(s)), (t - 0.6) * 2 * reach), 72, 72)


def photograph(
    things: Sequence[Thing],
    planes: Sequence[Plane],
    camera: Camera,
    light_rig: Rig,
    rng: np.random.Generator,
    covering: int | None = None,
) -> Scene:
    """Renders `things` on and before `planes`. The product is the first thing, or the plane number `covering`."""
    shape: list[Patch] = []
    surfaces: dict[str, Surface] = {}
    cuts: dict[int, Mask] = {}
    owner: list[int] = []
    for number, thing in enumerate(things):
        cover = thing.family.surfaces(thing.design)
        cut: Mapping[str, Mask] = thing.family.cut(thing.design.variant) if thing.family.cut else {}
        for patch in thing.shape:
            if patch.slot in cut:
                cuts[len(shape)] = cut[patch.slot]
            slot = f"{number} {patch.slot}"
            surfaces[slot] = cover[patch.slot]
            shape.append(replace(patch, slot=slot))
            owner.append(number)
    all_low, all_high = bounds(tuple(shape))
    reach = float(np.abs(np.concatenate([all_low, all_high])).max()) * 1.6
    receivers = [_receiver(plane, reach) for plane in planes]
    lights, fallen = bake(light_rig, tuple(shape), receivers, resolution=64)
    seen = rasterise(shape, lights, camera, cuts)
    shot = finish(tuple(shape), camera, light_rig, seen)
    layer = develop(shot, surfaces)
    picture, which = _backdrop(planes, receivers, fallen, camera, light_rig, rng)
    picture = blur(picture, 0.7)
    out = field(layer.light + picture * (1 - layer.alpha[..., None]))
    product = np.zeros(camera.width * camera.height, np.bool_)
    if covering is None:
        for part in seen:
            if owner[part.patch] == 0:
                product[part.pixel] = True
    else:
        product = (which == covering).reshape(-1) & (layer.alpha.reshape(-1) < 0.5)
    for number, thing in enumerate(things):
        if thing.family.fur:
            mine = {f"{number} {slot}": fur for slot, fur in thing.family.fur.items()}
            out = grow(out, shot, mine, rng, finer=2)
    room = float(product.size)
    if covering is None:
        spread = np.concatenate([camera.project(patch.grid).reshape(-1, 2) for patch in things[0].shape])
        room = max(float(np.prod(spread.max(axis=0) - spread.min(axis=0))), 1.0)
    return Scene(out, product.reshape(camera.height, camera.width), float(product.sum()) / room)


def _backdrop(
    planes: Sequence[Plane],
    receivers: Sequence[Patch],
    fallen: Sequence[Field],
    camera: Camera,
    light_rig: Rig,
    rng: np.random.Generator,
) -> tuple[Field, Field]:
    """Ground and wall as the camera sees them, and which plane each pixel shows (-1 none)."""
    rays = camera.rays().reshape(-1, 3)
    nearest = np.full(len(rays), 1e6, np.float32)
    which = np.full(len(rays), -1.0, np.float32)
    picture = np.full((len(rays), 3), 0.02, np.float32)
    for index, plane in enumerate(planes):
        axis = 2 if plane.upright else 1
        slope = rays[:, axis]
        safe = np.where(slope < -1e-4, slope, -1e-4)
        distance = np.where(slope < -1e-4, (plane.at - camera.eye[axis]) / safe, 1e6).astype(np.float32)
        hit = np.flatnonzero((distance > 0) & (distance < nearest))
        if not hit.size:
            continue
        nearest[hit], which[hit] = distance[hit], index
        point = camera.eye + rays[hit] * distance[hit, None]
        across, along = point[:, 0], (-point[:, 1] if plane.upright else point[:, 2])
        grid = receivers[index].grid
        low, high = grid[0, 0], grid[-1, -1]
        u = np.clip((point[:, 0] - low[0]) / (high[0] - low[0]), 0.01, 0.99)
        other = 1 if plane.upright else 2
        v = np.clip((point[:, other] - low[other]) / (high[other] - low[other]), 0.01, 0.99)
        light = sample_field(blur(fallen[index], 0.9), field(u), field(v))
        if plane.creases:
            light = light * _creases(across, along, light_rig, rng)[:, None]
        texture = _fitted(plane, camera, float(np.median(distance[hit])))
        colour_here = to_linear(sample_pixels(texture, field(across / plane.tile[0]), field(along / plane.tile[1])))
        # Corners of rooms are darker: light falls off away from the picture's middle.
        far = float(np.quantile(distance[hit], 0.9))
        fade = field(np.exp(-((distance[hit] / far) ** 2) * 0.18))[:, None]
        picture[hit] = colour_here * light * fade
    shape = (camera.height, camera.width)
    return picture.reshape(*shape, 3), which.reshape(shape)


def _fitted(plane: Plane, camera: Camera, distance: float) -> Pixels:
    """The texture no finer than the picture can show, so that fine prints do not shimmer."""
    texture = plane.surface.texture
    wanted = camera.focal * plane.tile[0] / max(distance, 1e-3)
    size = texture.shape[1]
    if wanted < size * 0.8:
        small = max(int(wanted * 1.1), 24)
        return resize_pixels(texture, small, round(small * texture.shape[0] / size))
    return texture


def _creases(across: Field, along: Field, light_rig: Rig, rng: np.random.Generator) -> Field:
    """Soft folds in spread cloth, shaded from the side the light comes from."""
    height = fractal(256, 3, rng, 4, 0.45)
    height = field(np.abs(height))
    towards = light_rig.towards[0]
    slope = np.gradient(height, axis=1) * towards[0] + np.gradient(height, axis=0) * towards[2]
    shade = np.clip(1 + blur(field(slope), 1.0) * 9.0, 0.45, 1.5)
    return sample_field(field(shade), field(across / 0.9), field(along / 0.9))
