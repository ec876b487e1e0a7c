"""Light: rigs made of many distant sources, what of it reaches a point past its neighbours, and what mirrors show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sample.mesh import Patch, Shape, normals
from sample.pixels import Field, blur, field, smoothstep, unit
from sample.raster import densify

MAP = 92
"""Side of the depth map each source sees the scene through, in cells."""


@dataclass(frozen=True)
class Softbox:
    """A bright rectangle at infinity, as mirrors show it: its direction, half sides (as tangents) and brightness."""

    towards: tuple[float, float, float]
    half: tuple[float, float]
    glow: float
    bars: bool = False


@dataclass(frozen=True)
class Rig:
    """Sources at infinity: `towards` [n, 3] unit vectors, `power` [n, 3] linear RGB.

    `sky` and `ground` are what mirrors show above and below the horizon, besides the `boxes`.
    """

    towards: Field
    power: Field
    boxes: tuple[Softbox, ...]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]


def sphere(count: int, above_only: bool = False) -> Field:
    """Directions spread evenly over the sphere or its upper half (Fibonacci lattice), float32 [count, 3]."""
    i = np.arange(count) + 0.5
    y = 1 - i / count if above_only else 1 - 2 * i / count
    r = np.sqrt(np.maximum(1 - y * y, 0.0))
    angle = i * np.pi * (3 - 5**0.5)
    return field(np.stack([r * np.cos(angle), y, r * np.sin(angle)], axis=-1))


def cone(towards: Sequence[float], degrees: float, count: int) -> Field:
    """Directions within `degrees` of `towards`: an area light, float32 [count, 3]."""
    axis = unit(field(towards))
    side = unit(field(np.cross(axis, [0.31, 0.2, 0.93])))
    lift = np.cross(axis, side)
    i = np.arange(count) + 0.5
    r = np.sqrt(i / count) * np.tan(np.radians(degrees))
    angle = i * np.pi * (3 - 5**0.5)
    return unit(field(axis + side * (r * np.cos(angle))[:, None] + lift * (r * np.sin(angle))[:, None]))


def rig(
    key: Sequence[float],
    key_power: Sequence[float],
    key_width: float,
    dome_power: Sequence[float],
    bounce_power: Sequence[float],
    boxes: Sequence[Softbox] = (),
    key_count: int = 12,
    dome_count: int = 52,
) -> Rig:
    """One area light, an even dome over everything and the light thrown back by the floor."""
    dome = sphere(dome_count)
    height = smoothstep(-0.25, 0.35, dome[:, 1:2])
    scattered = field(bounce_power) * (1 - height) + field(dome_power) * height
    # A white surface under an even dome of power 1 gets 1: the cosine integral is a quarter of the sphere.
    scattered = scattered * (4.0 / dome_count)
    direct = cone(key, key_width, key_count)
    power = np.broadcast_to(field(key_power) / key_count, (key_count, 3))
    sky, ground = [tuple(float(c) * 0.62 for c in p) for p in (dome_power, bounce_power)]
    return Rig(
        field(np.concatenate([direct, dome])),
        field(np.concatenate([power, scattered])),
        tuple(boxes),
        (sky[0], sky[1], sky[2]),
        (ground[0], ground[1], ground[2]),
    )


STUDIO = rig(
    key=(-0.62, 0.85, 0.75),
    key_power=(0.64, 0.63, 0.62),
    key_width=20,
    dome_power=(0.50, 0.505, 0.51),
    bounce_power=(0.44, 0.435, 0.43),
    boxes=(Softbox((-0.75, 0.55, 0.6), (0.34, 0.46), 11.0), Softbox((0.95, 0.25, 0.28), (0.09, 0.6), 5.0)),
)


def mirror(rig: Rig, direction: Field, softness: float) -> Field:
    """What a mirror looking along `direction` [k, 3] shows, blurred by `softness` (0 polished .. 1 satin), [k, 3]."""
    edge = 0.05 + 0.5 * softness
    height = smoothstep(-0.25 - softness, 0.25 + softness, direction[:, 1:2])
    shown = field(rig.ground) * (1 - height) + field(rig.sky) * height
    for box in rig.boxes:
        axis = unit(field(box.towards))
        side = unit(field(np.cross([0.0, 1.0, 0.0], axis)))
        lift = np.cross(axis, side)
        along = direction @ axis
        safe = np.maximum(along, 1e-3)
        x, y = np.abs(direction @ side) / safe, np.abs(direction @ field(lift)) / safe
        inside = 1 - smoothstep(box.half[0] - edge / 2, box.half[0] + edge, field(x))
        inside *= 1 - smoothstep(box.half[1] - edge / 2, box.half[1] + edge, field(y))
        if box.bars:
            inside *= smoothstep(0.0, edge * 0.8, field(x - 0.02)) * smoothstep(0.0, edge * 0.8, field(y - 0.02))
        inside = inside * (along > 0.05)
        shown = shown + (inside * box.glow / (1 + 2.5 * softness))[:, None]
    return field(shown)


def occluders(shape: Shape, spacing: float) -> Field:
    """Points over all surfaces no farther apart than `spacing` metres, float32 [k, 3]."""
    clouds = []
    for patch in shape:
        grid = patch.grid
        down = float(np.quantile(np.linalg.norm(np.diff(grid, axis=0), axis=-1), 0.97))
        right = float(np.quantile(np.linalg.norm(np.diff(grid, axis=1), axis=-1), 0.97))
        clouds.append(densify(grid, min(int(down / spacing) + 1, 40), min(int(right / spacing) + 1, 40)).reshape(-1, 3))
    return field(np.concatenate(clouds))


def reaching(rig: Rig, points: Field, facing: Field, cloud: Field, resolution: int = MAP) -> Field:
    """Light on surfaces at `points` [k, 3] that face `facing` [k, 3], shadowed by `cloud` [m, 3]: irradiance [k, 3].

    Every source looks at the cloud through a depth map of its own; a point is dark where something is nearer.
    """
    total = np.zeros((len(points), 3), np.float32)
    centre = (cloud.min(axis=0) + cloud.max(axis=0)) / 2
    radius = float(np.linalg.norm(cloud - centre, axis=1).max()) * 1.02
    cell = 2 * radius / resolution
    lifted = points + facing * (1.3 * cell)
    for towards, power in zip(rig.towards, rig.power, strict=True):
        cosine = facing @ towards
        lit = np.flatnonzero(cosine > 0)
        if not lit.size or float(power.max()) <= 0:
            continue
        side = unit(field(np.cross(towards, [0.123, 0.95, 0.28] if abs(towards[1]) < 0.9 else [1.0, 0.1, 0.2])))
        axes = field(np.stack([side, np.cross(towards, side), towards], axis=1))
        seen = (cloud - centre) @ axes
        column = np.clip(((seen[:, 0] + radius) / cell).astype(np.int32), 0, resolution - 1)
        row = np.clip(((seen[:, 1] + radius) / cell).astype(np.int32), 0, resolution - 1)
        heights = np.full(resolution * resolution, -1e3, np.float32)
        np.maximum.at(heights, row * resolution + column, seen[:, 2])
        asked = (lifted[lit] - centre) @ axes
        x = (asked[:, 0] + radius) / cell - 0.5
        y = (asked[:, 1] + radius) / cell - 0.5
        clear = _compare(heights.reshape(resolution, resolution), x, y, asked[:, 2] + 0.8 * cell, cell)
        total[lit] += (cosine[lit] * clear)[:, None] * power
    return total


def _compare(heights: Field, x: Field, y: Field, depth: Field, cell: float) -> Field:
    """How far `depth` is free at map places x, y: the four cells around are compared, then blended."""
    size = heights.shape[0]
    i, j = np.floor(y).astype(np.int32), np.floor(x).astype(np.int32)
    fy, fx = y - i, x - j
    total = np.zeros(len(x), np.float32)
    for di, wy in ((0, 1 - fy), (1, fy)):
        for dj, wx in ((0, 1 - fx), (1, fx)):
            row, col = i + di, j + dj
            inside = (row >= 0) & (row < size) & (col >= 0) & (col < size)
            blocker = heights[np.clip(row, 0, size - 1), np.clip(col, 0, size - 1)]
            free = np.clip(1.0 - (blocker - depth) / (1.5 * cell), 0.0, 1.0)
            total += wy * wx * np.where(inside, free, 1.0)
    return field(total)


def bake(
    rig: Rig, shape: Shape, receivers: Sequence[Patch] = (), resolution: int = MAP
) -> tuple[list[tuple[Field, Field]], list[Field]]:
    """Light at every grid point of `shape`, front and back, and of the `receivers`, which cast no shadow themselves."""
    low = np.min([p.grid.reshape(-1, 3).min(axis=0) for p in shape], axis=0)
    high = np.max([p.grid.reshape(-1, 3).max(axis=0) for p in shape], axis=0)
    cloud = occluders(shape, float(np.linalg.norm(high - low)) / resolution * 0.9)
    points, facing = [], []
    for patch in shape:
        normal = normals(patch.grid).reshape(-1, 3)
        points.append(patch.grid.reshape(-1, 3))
        facing.append(normal)
        if patch.two_sided:
            points.append(points[-1])
            facing.append(-normal)
    for patch in receivers:
        points.append(patch.grid.reshape(-1, 3))
        facing.append(normals(patch.grid).reshape(-1, 3))
    light = reaching(rig, field(np.concatenate(points)), field(np.concatenate(facing)), cloud, resolution)
    lights, floors, start = [], [], 0

    def take(patch: Patch) -> Field:
        nonlocal start
        rows, cols = patch.grid.shape[:2]
        piece = light[start : start + rows * cols].reshape(rows, cols, 3)
        start += rows * cols
        return piece

    for patch in shape:
        front = blur(take(patch), 0.6)
        lights.append((front, blur(take(patch), 0.6) if patch.two_sided else front))
    for patch in receivers:
        floors.append(take(patch))
    return lights, floors
