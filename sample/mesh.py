"""Surfaces as grids of points: the shapes everything in the sample is built from. Lengths are metres, y points up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sample.pixels import Field, field, unit


@dataclass(frozen=True)
class Patch:
    """One surface. `grid` is float32 [rows, cols, 3]; `uv` float32 [rows, cols, 2], in repeats of the slot's texture.

    Its normals point to the side from which rows run down and columns run to the right. `two_sided` sheets are seen
    from both; of the rest only the front is.
    """

    slot: str
    grid: Field
    uv: Field
    two_sided: bool = False


Shape = tuple[Patch, ...]


def curve(points: Sequence[Sequence[float]], count: int, closed: bool = False) -> Field:
    """A smooth line through `points` [k, d] (Catmull-Rom spline), float32 [count, d]."""
    knots = field(points)
    k = len(knots)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
        spans = k
        t = np.linspace(0.0, spans, count, endpoint=False)
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
        spans = k - 1
        t = np.linspace(0.0, spans, count)
    i = np.minimum(t.astype(int), spans - 1)
    f = (t - i)[:, None]
    a, b, c, d = (padded[i + n] for n in range(4))
    return field(0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3))


def uv_grid(rows: int, cols: int, box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> Field:
    """Texture coordinates running evenly over `box` (u0, v0, u1, v1), float32 [rows, cols, 2]."""
    u, v = np.meshgrid(np.linspace(box[0], box[2], cols), np.linspace(box[1], box[3], rows))
    return field(np.stack([u, v], axis=-1))


def sheet(
    slot: str,
    place: Callable[[Field, Field], tuple[Field, Field, Field]],
    rows: int,
    cols: int,
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    two_sided: bool = False,
) -> Patch:
    """A surface from a function of s (0..1 along columns) and t (0..1 along rows) to x, y, z."""
    s, t = np.meshgrid(np.linspace(0, 1, cols, dtype=np.float32), np.linspace(0, 1, rows, dtype=np.float32))
    x, y, z = place(s, t)
    grid = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
    return Patch(slot, field(grid), uv_grid(rows, cols, box), two_sided)


def revolve(
    slot: str,
    profile: Field,
    cols: int = 64,
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    two_sided: bool = False,
) -> Patch:
    """A profile of (radius, height) [k, 2], top first, turned about the y axis; u runs once around, 0.5 faces +z."""
    angle = np.linspace(-np.pi, np.pi, cols, dtype=np.float32)
    r, y = profile[:, :1], profile[:, 1:]
    grid = np.stack(np.broadcast_arrays(r * np.sin(angle), y, r * np.cos(angle)), axis=-1)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(profile, axis=0).T))])
    uv = uv_grid(len(profile), cols, box)
    uv[..., 1] = (box[1] + (box[3] - box[1]) * length / max(length[-1], 1e-9))[:, None]
    return Patch(slot, field(grid), uv, two_sided)


def tube(
    slot: str,
    path: Field,
    radius: float | Field,
    cols: int = 16,
    flat: float = 1.0,
    up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
) -> Patch:
    """A round bar along `path` [k, 3]. `flat` squeezes it along `up`, which makes a strap."""
    forward = unit(field(np.gradient(path, axis=0)))
    side = unit(field(np.cross(forward, field(up))))
    lift = field(np.cross(side, forward))
    thick = np.broadcast_to(field(radius), (len(path),))[:, None, None]
    angle = np.linspace(0, 2 * np.pi, cols, dtype=np.float32)[None, :, None]
    ring = side[:, None] * np.cos(angle) + lift[:, None] * np.sin(angle) * flat
    return Patch(slot, field(path[:, None] + ring * thick), uv_grid(len(path), cols, box))


def ball(
    slot: str,
    centre: Sequence[float],
    radii: Sequence[float],
    turn: Field | None = None,
    rows: int = 24,
    cols: int = 36,
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    power: float = 1.0,
) -> Patch:
    """An ellipsoid; `turn` is a 3x3 rotation; `power` under 1 makes it boxier."""

    def bend(a: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(a) * np.abs(a) ** power

    def even(low: float, high: float, count: int) -> NDArray[np.float64]:
        """Angles that walk the bent circle in even steps."""
        fine = np.linspace(low, high, 2001)
        length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(bend(np.sin(fine))), np.diff(bend(np.cos(fine)))))])
        return np.interp(np.linspace(0, length[-1], count), length, fine)

    v = even(0.012, np.pi - 0.012, rows)[:, None]
    u = even(-np.pi, np.pi, cols)[None, :]
    around = bend(np.sin(v))
    sides = np.broadcast_arrays(around * bend(np.sin(u)), bend(np.cos(v)), around * bend(np.cos(u)))
    grid = np.stack(sides, axis=-1) * field(radii)
    if turn is not None:
        grid = grid @ turn.T
    return Patch(slot, field(grid + field(centre)), uv_grid(rows, cols, box))


def quad(
    slot: str,
    corners: Sequence[Sequence[float]],
    rows: int = 12,
    cols: int = 12,
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    two_sided: bool = False,
) -> Patch:
    """A flat piece between four corners: top left, top right, bottom right, bottom left as seen from its front."""
    a, b, c, d = field(corners)
    s = np.linspace(0, 1, cols)[None, :, None]
    t = np.linspace(0, 1, rows)[:, None, None]
    grid = (a * (1 - s) + b * s) * (1 - t) + (d * (1 - s) + c * s) * t
    return Patch(slot, field(grid), uv_grid(rows, cols, box), two_sided)


def block(slots: Sequence[str], low: Sequence[float], high: Sequence[float], rows: int = 10) -> Shape:
    """A box; `slots` name front, right, back, left, top, bottom."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    faces = [
        [(x0, y1, z1), (x1, y1, z1), (x1, y0, z1), (x0, y0, z1)],
        [(x1, y1, z1), (x1, y1, z0), (x1, y0, z0), (x1, y0, z1)],
        [(x1, y1, z0), (x0, y1, z0), (x0, y0, z0), (x1, y0, z0)],
        [(x0, y1, z0), (x0, y1, z1), (x0, y0, z1), (x0, y0, z0)],
        [(x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)],
        [(x0, y0, z1), (x1, y0, z1), (x1, y0, z0), (x0, y0, z0)],
    ]
    return tuple(quad(slot, corners, rows, rows) for slot, corners in zip(slots, faces, strict=True))


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Field:
    """Degrees about y, then x, then z, as one 3x3 matrix."""
    a, b, c = np.radians([yaw, pitch, roll])
    ry = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    rx = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return field(rz @ rx @ ry)


def move(
    shape: Shape,
    turn: Field | None = None,
    by: Sequence[float] = (0.0, 0.0, 0.0),
    scale: float = 1.0,
    rest: bool = False,
) -> Shape:
    """The shape scaled, turned and moved. `rest` first lowers or raises it to stand on y = 0."""
    grids = [p.grid * scale if turn is None else p.grid * scale @ turn.T for p in shape]
    lift = -min(float(g[..., 1].min()) for g in grids) if rest else 0.0
    offset = field(by) + field([0.0, lift, 0.0])
    return tuple(replace(p, grid=field(g + offset)) for p, g in zip(shape, grids, strict=True))


def bounds(shape: Shape) -> tuple[Field, Field]:
    """Lowest and highest corner of the shape."""
    points = np.concatenate([p.grid.reshape(-1, 3) for p in shape])
    return field(points.min(axis=0)), field(points.max(axis=0))


def _between(values: Field, factor: int, straight: bool) -> Field:
    """Along the first axis, `factor` points for every step: on the straight line or the smooth curve between two."""
    count = len(values)
    if factor == 1 or count < 2:
        return values
    position = np.arange((count - 1) * factor + 1) / factor
    i = np.minimum(position.astype(np.int64), count - 2)
    f = field(position - i).reshape(-1, *[1] * (values.ndim - 1))
    b, c = values[i], values[i + 1]
    if straight:
        return field(b + (c - b) * f)
    # Beyond the ends the line goes straight on.
    a = np.where((i == 0).reshape(f.shape), 2 * b - c, values[np.maximum(i - 1, 0)])
    d = np.where((i == count - 2).reshape(f.shape), 2 * c - b, values[np.minimum(i + 2, count - 1)])
    return field(b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a))))


def refined(values: Field, rows: int, cols: int, straight: bool = False) -> Field:
    """A grid [m, n, d] with `rows` x `cols` steps for every one (Catmull-Rom spline, or straight)."""
    tall = _between(values, rows, straight)
    return field(np.swapaxes(_between(np.swapaxes(tall, 0, 1), cols, straight), 0, 1))


def normals(grid: Field) -> Field:
    """Unit normals of a grid, float32 [rows, cols, 3]."""
    down = np.gradient(grid, axis=0)
    right = np.gradient(grid, axis=1)
    return unit(field(np.cross(down, right)))
