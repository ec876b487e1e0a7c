"""Which surface is seen at which pixel: dense point splatting of surface grids with a depth buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.sample.camera import Camera
from service.sample.mesh import Patch, normals
from service.sample.pixels import Field, Mask, field, unit

SPACING = 0.95
"""Greatest distance of two splatted points on the picture, in pixels; the few holes left are mended afterwards."""
MOST_POINTS = 4_000_000


_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Seen:
    """What one patch shows: `pixel` int64 [k] into the flattened picture, and at each its place and directions."""

    patch: int
    pixel: NDArray[np.int64]
    uv: Field
    point: Field
    normal: Field
    light: Field


@dataclass(frozen=True)
class Taps:
    """How a line of values is interpolated at `dense` places: four neighbours each, and their weights, [dense, 4]."""

    index: NDArray[np.int64]
    weight: Field


def spread(count: int, dense: int) -> Taps:
    """Smooth interpolation (Catmull-Rom) of `count` values, at least two; beyond the ends the line goes straight on."""
    position = np.linspace(0, count - 1, dense)
    i = np.minimum(position.astype(np.int64), count - 2)
    f = position - i
    weight = np.stack(
        [
            -0.5 * f**3 + f**2 - 0.5 * f,
            1.5 * f**3 - 2.5 * f**2 + 1.0,
            -1.5 * f**3 + 2.0 * f**2 + 0.5 * f,
            0.5 * f**3 - 0.5 * f**2,
        ],
        axis=1,
    )
    index = i[:, None] + np.arange(-1, 3)
    first, last = index[:, 0] < 0, index[:, 3] >= count
    # The phantom knot before the first is 2 a - b, the one after the last 2 c - b.
    weight[first, 1] += 2 * weight[first, 0]
    weight[first, 2] -= weight[first, 0]
    weight[first, 0] = 0
    weight[last, 2] += 2 * weight[last, 3]
    weight[last, 1] -= weight[last, 3]
    weight[last, 3] = 0
    return Taps(np.clip(index, 0, count - 1), field(weight))


def densify(values: Field, rows: Taps, cols: Taps) -> Field:
    """Grid [m, n, d] -> [M, N, d]. Sums in a fixed order, unlike a matrix product, so the same bits come every time."""
    tall = values[rows.index[:, 0]] * rows.weight[:, 0, None, None]
    for k in range(1, 4):
        tall += values[rows.index[:, k]] * rows.weight[:, k, None, None]
    wide = np.take(tall, cols.index[:, 0], axis=1)
    wide *= cols.weight[None, :, 0, None]
    for k in range(1, 4):
        more = np.take(tall, cols.index[:, k], axis=1)
        more *= cols.weight[None, :, k, None]
        wide += more
    return field(wide)


def _steps(patch: Patch, camera: Camera) -> tuple[int, int]:
    where = camera.project(patch.grid)
    reach = float(max(camera.width, camera.height))
    down = np.minimum(np.linalg.norm(np.diff(where, axis=0), axis=-1), reach)
    right = np.minimum(np.linalg.norm(np.diff(where, axis=1), axis=-1), reach)
    rows = int(np.quantile(down, 0.98) * (patch.grid.shape[0] - 1) / SPACING * 1.06) + 2
    cols = int(np.quantile(right, 0.98) * (patch.grid.shape[1] - 1) / SPACING * 1.06) + 2
    if rows * cols > MOST_POINTS:
        shrink = (MOST_POINTS / (rows * cols)) ** 0.5
        rows, cols = max(int(rows * shrink), 2), max(int(cols * shrink), 2)
    return rows, cols


def rasterise(
    patches: Sequence[Patch], lights: Sequence[tuple[Field, Field]], camera: Camera, cut: dict[int, Mask] | None = None
) -> tuple[Seen, ...]:
    """The nearest surface at every pixel.

    `lights` are, for every patch, what falls on its front and on its back at the grid's points ([rows, cols, 3] each).
    `cut` says where a patch is present at all, as a mask [h, w] over its own texture square (a T-shirt's outline).
    """
    near = np.full(camera.width * camera.height, np.inf, np.float32)
    owner = np.full(camera.width * camera.height, -1, np.int32)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], int, int]] = []
    for index, patch in enumerate(patches):
        rows, cols = _steps(patch, camera)
        by_row, by_col = spread(patch.grid.shape[0], rows), spread(patch.grid.shape[1], cols)
        facing = np.sum(normals(patch.grid) * (camera.eye - patch.grid), axis=-1, keepdims=True)
        if not patch.two_sided and float(facing.max()) <= 0:
            found.append((_NONE, _NONE, rows, cols))
            continue
        seen = densify(field(np.concatenate([camera.see(patch.grid), facing], axis=-1)), by_row, by_col).reshape(-1, 4)
        keep = seen[:, 2] > 0.02
        if not patch.two_sided:
            keep &= seen[:, 3] > 0
        if cut is not None and index in cut:
            mask = cut[index]
            line = (np.linspace(0, mask.shape[0] - 1, rows) + 0.5).astype(int)
            column = (np.linspace(0, mask.shape[1] - 1, cols) + 0.5).astype(int)
            keep &= mask[np.ix_(line, column)].reshape(-1)
        which = np.flatnonzero(keep)
        depth = seen[which, 2]
        x = seen[which, 0] / depth * np.float32(camera.focal) + np.float32(camera.centre[0])
        y = seen[which, 1] / depth * np.float32(camera.focal) + np.float32(camera.centre[1])
        inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
        if not inside.all():
            which, depth, x, y = which[inside], depth[inside], x[inside], y[inside]
        if not which.size:
            found.append((_NONE, _NONE, rows, cols))
            continue
        pixel = y.astype(np.int64) * camera.width + x.astype(np.int64)
        # Sixteen bits of depth within the patch sort by radix, an order faster than floats; the last written wins.
        low, high = float(depth.min()), float(depth.max())
        level = ((high - depth) / max(high - low, 1e-9) * 65535.0).astype(np.uint16)
        order = np.argsort(level, kind="stable")
        slot = np.full(camera.width * camera.height, -1, np.int64)
        slot[pixel[order]] = order
        hit = np.flatnonzero(slot >= 0)
        best = slot[hit]
        nearer = depth[best] < near[hit]
        hit, best = hit[nearer], best[nearer]
        near[hit], owner[hit] = depth[best], index
        found.append((hit, which[best], rows, cols))
    result = []
    for index, (patch, (pixel, point, rows, cols)) in enumerate(zip(patches, found, strict=True)):
        kept = owner[pixel] == index
        pixel, point = pixel[kept], point[kept]
        if not pixel.size:
            continue
        r, c = np.divmod(point, cols)
        # Only the winners need their attributes, and those from matrices already built row by row.
        front, back = lights[index]
        normal_grid = normals(patch.grid)
        stack = np.concatenate([patch.uv, patch.grid, normal_grid, front, back], axis=-1)
        values = _at(field(stack), r, c, rows, cols)
        place, normal = values[:, 2:5], unit(values[:, 5:8])
        light = values[:, 8:11]
        if patch.two_sided:
            behind = np.sum(normal * (camera.eye - place), axis=-1) < 0
            normal = np.where(behind[:, None], -normal, normal)
            light = np.where(behind[:, None], values[:, 11:14], light)
        result.append(Seen(index, pixel, values[:, :2], place, field(normal), field(np.maximum(light, 0.0))))
    return tuple(result)


def _at(grid: Field, r: NDArray[np.int64], c: NDArray[np.int64], rows: int, cols: int) -> Field:
    """Bilinear look-up of grid values [m, n, d] at points of the dense grid [rows, cols]."""
    m, n, d = grid.shape
    y = r * ((m - 1) / max(rows - 1, 1))
    x = c * ((n - 1) / max(cols - 1, 1))
    i, j = np.minimum(y.astype(np.int64), m - 2), np.minimum(x.astype(np.int64), n - 2)
    fy, fx = (y - i).astype(np.float32)[:, None], (x - j).astype(np.float32)[:, None]
    flat = grid.reshape(m * n, d)
    at = i * n + j
    top = flat[at] * (1 - fx) + flat[at + 1] * fx
    bottom = flat[at + n] * (1 - fx) + flat[at + n + 1] * fx
    return field(top * (1 - fy) + bottom * fy)
