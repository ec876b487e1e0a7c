"""Where a picture is taken from, and where points fall on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sample.mesh import Shape
from sample.pixels import Field, field, unit


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. `focal` and the sides are pixels; `axes` rows are right, down, forward; `eye` metres."""

    eye: Field
    axes: Field
    focal: float
    width: int
    height: int
    centre: tuple[float, float]

    def see(self, points: Field) -> Field:
        """World points [..., 3] -> camera coordinates (right, down, forward)."""
        return field((points - self.eye) @ self.axes.T)

    def project(self, points: Field) -> Field:
        """World points [..., 3] -> pixels [..., 2]."""
        seen = self.see(points)
        depth = np.maximum(seen[..., 2:], 1e-4)
        return field(seen[..., :2] / depth * self.focal + field(self.centre))

    def rays(self) -> Field:
        """Direction of every pixel's ray, float32 [h, w, 3], length one."""
        x = (np.arange(self.width, dtype=np.float32) + 0.5 - self.centre[0]) / self.focal
        y = (np.arange(self.height, dtype=np.float32) + 0.5 - self.centre[1]) / self.focal
        seen = np.stack([*np.meshgrid(x, y), np.ones((self.height, self.width), np.float32)], axis=-1)
        return unit(field(seen @ self.axes))


def look(
    target: Sequence[float],
    distance: float,
    yaw: float,
    pitch: float,
    field_of_view: float,
    size: tuple[int, int],
    roll: float = 0.0,
) -> Camera:
    """A camera `distance` metres from `target`, turned `yaw` degrees around it and raised by `pitch` degrees."""
    a, b, c = np.radians([yaw, pitch, roll])
    back = np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
    forward = -back
    right = np.array([np.cos(a), 0.0, -np.sin(a)])
    down = np.cross(forward, right)
    right, down = np.cos(c) * right + np.sin(c) * down, np.cos(c) * down - np.sin(c) * right
    width, height = size
    focal = max(size) / 2 / float(np.tan(np.radians(field_of_view) / 2))
    eye = field(target) + field(back * distance)
    return Camera(eye, field([right, down, forward]), focal, width, height, (width / 2, height / 2))


def frame(shape: Shape, yaw: float, pitch: float, size: int, fill: float = 0.78, field_of_view: float = 22.0) -> Camera:
    """A square studio picture of `shape` that leaves an even margin: its longer side takes up `fill` of the frame."""
    points = np.concatenate([p.grid.reshape(-1, 3) for p in shape])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    reach = float(np.linalg.norm(points - middle, axis=1).max())
    distance = reach / float(np.tan(np.radians(field_of_view) / 2)) * 1.6
    camera = look(middle.tolist(), distance, yaw, pitch, field_of_view, (size, size))
    seen = camera.project(field(points))
    low, high = seen.min(axis=0), seen.max(axis=0)
    zoom = fill * size / float((high - low).max())
    shift = (np.array(camera.centre) - (low + high) / 2) * zoom
    centre = (size / 2 + float(shift[0]), size / 2 + float(shift[1]))
    return Camera(camera.eye, camera.axes, camera.focal * zoom, size, size, centre)
