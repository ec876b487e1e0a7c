"""Pile: many short strokes that follow the surface, each in the colour of the spot it grows from."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from sample.family import Fur
from sample.pixels import Field, field, resize_field, unit
from sample.render import Shot


def grow(picture: Field, shot: Shot, furs: Mapping[str, Fur], rng: np.random.Generator, finer: int = 1) -> Field:
    """Draws pile over a developed shot. `picture` is linear light [h, w, c]; with c = 4 the last is coverage.

    Roots are visible points of the slots in `furs`; strokes lean away from the surface and a little downwards, so that
    they break the outline where it turns away. `finer` draws on a picture so many times larger, then averages.
    """
    camera = shot.camera
    height, width, channels = picture.shape
    # OpenCV draws anti-aliased lines on bytes only; square-root coding keeps the dark tones apart.
    coded = np.clip(np.sqrt(np.maximum(picture, 0) / 1.5) * 255, 0, 255).astype(np.uint8)
    flat = coded.reshape(-1, channels).copy()
    if finer > 1:
        coded = np.repeat(np.repeat(coded, finer, axis=0), finer, axis=1)
    for seen in shot.seen:
        fur = furs.get(shot.shape[seen.patch].slot)
        if fur is None or not seen.pixel.size:
            continue
        depth = (seen.point - camera.eye) @ camera.axes[2]
        scale = camera.focal * finer / float(np.median(depth))
        count = int(seen.pixel.size * finer**2 * fur.density / max((fur.length * scale * 0.32), 1.0))
        roots = rng.integers(0, seen.pixel.size, count)
        # From the far to the near, so that nearer pile lies on top.
        roots = roots[np.argsort(-depth[roots], kind="stable")]
        normal = seen.normal[roots]
        wild = rng.standard_normal((len(roots), 3)).astype(np.float32)
        heading = unit(field(normal * 0.62 + field([0.0, -0.55, 0.0]) + wild * (0.25 + fur.curl * 0.5)))
        start = camera.project(seen.point[roots])
        length = fur.length * rng.uniform(0.55, 1.15, (len(roots), 1)).astype(np.float32)
        middle = camera.project(field(seen.point[roots] + heading * length * 0.5))
        tip = camera.project(
            field(seen.point[roots] + heading * length + field([0, -0.35, 0]) * length * (0.3 + fur.curl))
        )
        ends = np.rint(np.stack([start, middle, tip], axis=1) * (16 * finer)).astype(np.int32)
        shade = rng.normal(1.0, 0.075, len(roots)).clip(0.78, 1.2)
        tones = np.clip(flat[seen.pixel[roots]].astype(np.float32) * shade[:, None], 0, 255)
        if channels == 4:
            tones[:, 3] = 255 * (1 / 1.5) ** 0.5
        for line, tone in zip(ends, tones.tolist(), strict=True):
            cv2.polylines(coded, [line], False, tone, 1, cv2.LINE_AA, 4)
    drawn = coded.astype(np.float32)
    if finer > 1:
        drawn = resize_field(drawn, width, height)
    return field((drawn / 255) ** 2 * 1.5)
