"""Which surface is seen at which pixel: dense point splatting of surface grids with a depth buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample.camera import Camera
from sample.mesh import Patch, normals, refined
from sample.pixels import Field, Mask, field, unit

SPACING = 0.78
"""Greatest distance of two splatted points on the picture, in pixels; the few holes left are mended afterwards."""
MOST_POINTS = 4_000_000


@dataclass(frozen=True)
class Seen:
    """What one patch shows: `pixel` int64 [k] into the flattened picture, and at each its place and directions."""

    patch: int
    pixel: NDArray[np.int64]
    uv: Field
    point: Field
    normal: Field
    light: Field


def densify(values: Field, down: int, right: int) -> Field:
    """Grid [m, n, d] -> bilinear dense grid with `down` x `right` points for every one (d at most 4).

    The first and last points lie half a step outside the grid, so that neighbouring patches meet; `positions` tells
    where they are. OpenCV's resize sums in a fixed order: the same bits every time.
    """
    padded = np.pad(values, ((2, 2), (2, 2), (0, 0)), mode="reflect", reflect_type="odd")
    tall, wide = padded.shape[0] * down, padded.shape[1] * right
    dense = np.asarray(cv2.resize(padded, (wide, tall), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    rows, cols = _kept(values.shape[0], down), _kept(values.shape[1], right)
    return dense.reshape(tall, wide, -1)[rows, cols]


def _kept(count: int, step: int) -> slice:
    return slice((5 * step - 1) // 2, (5 * step - 1) // 2 + (count - 1) * step + 2)


def positions(count: int, step: int) -> Field:
    """Where the dense points of a line of `count` values lie, in steps of the line, float32 [k]."""
    kept = np.arange(_kept(count, step).start, _kept(count, step).stop)
    return field(np.clip((kept + 0.5) / step - 2.5, 0, count - 1))


def _stride(grid: Field, camera: Camera) -> tuple[float, float]:
    """The longest steps of a grid on the picture, down and right, in pixels."""
    where = camera.project(grid)
    reach = 3.0 * max(camera.width, camera.height)
    down = np.minimum(np.linalg.norm(np.diff(where, axis=0), axis=-1), reach)
    right = np.minimum(np.linalg.norm(np.diff(where, axis=1), axis=-1), reach)
    return float(np.quantile(down, 0.995)), float(np.quantile(right, 0.995))


def steps(grid: Field, camera: Camera) -> tuple[int, int]:
    """How many points each step of the grid needs, down and right, to leave no hole on the picture."""
    tall, wide = _stride(grid, camera)
    rows, cols = max(int(np.ceil(tall / SPACING)), 1), max(int(np.ceil(wide / SPACING)), 1)
    while rows * cols * grid.shape[0] * grid.shape[1] > MOST_POINTS and max(rows, cols) > 1:
        rows, cols = max(round(rows * 0.8), 1), max(round(cols * 0.8), 1)
    return rows, cols


def _smooth(patch: Patch, light: tuple[Field, Field], camera: Camera) -> tuple[Field, Field]:
    """The patch's grid, and its texture coordinates and light ([m, n, 8]), on a net fine enough to look curved."""
    tall, wide = _stride(patch.grid, camera)
    rows, cols = (int(np.clip(np.ceil(stride / 5.0), 1, 4)) for stride in (tall, wide))
    more = field(np.concatenate([patch.uv, *light], axis=-1))
    return refined(patch.grid, rows, cols), refined(more, rows, cols, straight=True)


def _outside(patch: Patch, camera: Camera) -> bool:
    """Whether all of the patch lies behind the camera or beyond one edge of the picture."""
    depth = camera.see(patch.grid)[..., 2]
    if float(depth.max()) <= 0.02:
        return True
    if float(depth.min()) <= 0.02:
        return False
    low, high = (f(camera.project(patch.grid).reshape(-1, 2), axis=0) for f in (np.min, np.max))
    return bool(high[0] < 0 or high[1] < 0 or low[0] > camera.width or low[1] > camera.height)


def _in_sight(grid: Field, facing: Field, two_sided: bool, camera: Camera) -> tuple[slice, slice]:
    """The rows and columns of a grid outside of which it is turned away or off the picture."""
    depth = camera.see(grid)[..., 2]
    where = camera.project(grid)
    margin = 0.25 * max(camera.width, camera.height)
    shown = (where > -margin).all(axis=-1) & (where[..., 0] < camera.width + margin)
    shown &= where[..., 1] < camera.height + margin
    # Points beside or behind the camera say nothing about their neighbours.
    shown |= depth <= 0.05
    if not two_sided:
        shown &= facing[..., 0] > 0
    rows, cols = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(max(int(rows[0]) - 1, 0), int(rows[-1]) + 2), slice(max(int(cols[0]) - 1, 0), int(cols[-1]) + 2)


@dataclass(frozen=True)
class _Splat:
    """One patch splatted alone: at `pixel` [k] its nearest point, as places on its net and as depth.

    `net` holds texture coordinates, light on the front and on the back, and points, [m, n, 11].
    """

    net: Field
    pixel: NDArray[np.int64]
    down: Field
    right: Field
    depth: Field


def _splat(patch: Patch, light: tuple[Field, Field], camera: Camera, mask: Mask | None) -> _Splat | None:
    """The pixels a patch covers by itself; None where it is not in sight."""
    if _outside(patch, camera):
        return None
    grid, more = _smooth(patch, light, camera)
    m, n = grid.shape[:2]
    facing = np.sum(normals(grid) * (camera.eye - grid), axis=-1, keepdims=True)
    part = _in_sight(grid, facing, patch.two_sided, camera)
    grid, more, facing = grid[part], more[part], facing[part]
    if min(grid.shape[:2]) < 2:
        return None
    down, right = steps(grid, camera)
    down_at, right_at = positions(grid.shape[0], down), positions(grid.shape[1], right)
    seen = densify(field(np.concatenate([camera.see(grid), facing], axis=-1)), down, right).reshape(-1, 4)
    keep = seen[:, 2] > 0.02
    if not patch.two_sided:
        keep &= seen[:, 3] > 0
    if mask is not None:
        line = ((down_at + part[0].start) / (m - 1) * (mask.shape[0] - 1) + 0.5).astype(int)
        column = ((right_at + part[1].start) / (n - 1) * (mask.shape[1] - 1) + 0.5).astype(int)
        keep &= mask[np.ix_(line, column)].reshape(-1)
    which = np.flatnonzero(keep)
    depth = seen[which, 2]
    x = seen[which, 0] / depth * np.float32(camera.focal) + np.float32(camera.centre[0])
    y = seen[which, 1] / depth * np.float32(camera.focal) + np.float32(camera.centre[1])
    inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    if not inside.all():
        which, depth, x, y = which[inside], depth[inside], x[inside], y[inside]
    if not which.size:
        return None
    pixel, best = _nearest(y.astype(np.int64) * camera.width + x.astype(np.int64), depth)
    r, c = np.divmod(which[best], len(right_at))
    return _Splat(np.concatenate([more, grid], axis=-1), pixel, down_at[r], right_at[c], depth[best])


def _nearest(pixel: NDArray[np.int64], depth: Field) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pixels that occur, and for each which of its entries is nearest."""
    # Sixteen bits of depth within the patch sort by radix, an order faster than floats; the last written wins.
    low, high = float(depth.min()), float(depth.max())
    level = ((high - depth) / max(high - low, 1e-9) * 65535.0).astype(np.uint16)
    order = np.argsort(level, kind="stable")
    first = int(pixel.min())
    slot = np.full(int(pixel.max()) + 1 - first, -1, np.int64)
    slot[pixel[order] - first] = order
    hit = np.flatnonzero(slot >= 0)
    return hit + first, slot[hit]


def rasterise(
    patches: Sequence[Patch],
    lights: Sequence[tuple[Field, Field]],
    camera: Camera,
    cut: dict[int, Mask] | None = None,
) -> tuple[Seen, ...]:
    """The nearest surface at every pixel.

    `lights` are, for every patch, what falls on its front and on its back at the grid's points ([rows, cols, 3] each).
    `cut` says where a patch is present at all, as a mask [h, w] over its own texture square (a T-shirt's outline).
    """
    near = np.full(camera.width * camera.height, np.inf, np.float32)
    owner = np.full(camera.width * camera.height, -1, np.int32)
    splats: dict[int, _Splat] = {}
    for index, (patch, light) in enumerate(zip(patches, lights, strict=True)):
        splat = _splat(patch, light, camera, cut.get(index) if cut else None)
        if splat is not None:
            nearer = splat.depth < near[splat.pixel]
            near[splat.pixel[nearer]], owner[splat.pixel[nearer]] = splat.depth[nearer], index
            splats[index] = splat
    result = []
    for index, splat in splats.items():
        kept = owner[splat.pixel] == index
        if kept.any():
            result.append(_attributes(index, patches[index].two_sided, splat, kept, camera))
    return tuple(result)


def _attributes(index: int, two_sided: bool, splat: _Splat, kept: Mask, camera: Camera) -> Seen:
    """What a patch shows where it won: only there are its attributes looked up."""
    net = field(np.concatenate([splat.net, normals(splat.net[..., 8:11])], axis=-1))
    values = _at(net, splat.down[kept], splat.right[kept])
    light, place, normal = values[:, 2:5], values[:, 8:11], unit(values[:, 11:14])
    if two_sided:
        behind = np.sum(normal * (camera.eye - place), axis=-1) < 0
        normal = np.where(behind[:, None], -normal, normal)
        light = np.where(behind[:, None], values[:, 5:8], light)
    return Seen(index, splat.pixel[kept], values[:, :2], place, field(normal), field(np.maximum(light, 0.0)))


def _at(grid: Field, y: Field, x: Field) -> Field:
    """Bilinear look-up of grid values [m, n, d] at grid coordinates y, x [k]: [k, d]."""
    m, n, d = grid.shape
    i, j = np.minimum(y.astype(np.int64), m - 2), np.minimum(x.astype(np.int64), n - 2)
    fy, fx = (y - i).astype(np.float32)[:, None], (x - j).astype(np.float32)[:, None]
    flat = grid.reshape(m * n, d)
    at = i * n + j
    top = flat[at] * (1 - fx) + flat[at + 1] * fx
    bottom = flat[at + n] * (1 - fx) + flat[at + n + 1] * fx
    return field(top * (1 - fy) + bottom * fy)
