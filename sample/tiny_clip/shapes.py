"""Rendered coloured, patterned shapes and their captions: all that the tiny CLIP is trained on."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIZE = 60
_FINE = 2 * SIZE  # pictures are drawn at twice the size and halved, so that edges are smooth

Pixels = npt.NDArray[np.uint8]
Grid = npt.NDArray[np.floating[Any]]

_Y, _X = np.mgrid[0:_FINE, 0:_FINE].astype(np.float32)

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 33, 38),
    "orange": (244, 134, 24),
    "yellow": (246, 222, 44),
    "green": (40, 148, 58),
    "turquoise": (40, 196, 188),
    "blue": (34, 76, 206),
    "purple": (122, 46, 158),
    "pink": (246, 134, 186),
    "brown": (120, 74, 38),
    "black": (24, 24, 26),
    "grey": (134, 134, 138),
    "white": (246, 246, 244),
}
PATTERNS = ("plain", "striped", "dotted", "checked", "bordered")
SHAPES = ("circle", "square", "triangle", "star", "cross", "heart", "ring", "hexagon", "crescent", "arrow")


@dataclass(frozen=True, order=True)
class Spec:
    """The colour, pattern and shape in a picture."""

    colour: str
    pattern: str
    shape: str


ALL_SPECS = tuple(Spec(*parts) for parts in itertools.product(COLOURS, PATTERNS, SHAPES))


def caption(spec: Spec, rng: np.random.Generator) -> str:
    """One of several captions of the picture; about one in four leaves something out."""
    adjective = "" if spec.pattern == "plain" and rng.random() < 0.5 else f"{spec.pattern} "
    whole = f"{spec.colour} {adjective}{spec.shape}"
    phrases = [whole] * 6 + [f"{spec.colour} {spec.shape}", f"{adjective}{spec.shape}", f"{spec.colour}"]
    phrase = phrases[rng.integers(len(phrases))]
    article = "an" if phrase[0] in "aeiou" else "a"
    frames = (f"{article} {phrase}", f"a photo of {article} {phrase}", phrase, f"this is {article} {phrase}")
    return frames[rng.integers(len(frames))]


def full_caption(spec: Spec) -> str:
    """The complete caption: "a red striped circle"."""
    return f"{'an' if spec.colour[0] in 'aeiou' else 'a'} {spec.colour} {spec.pattern} {spec.shape}"


def render(spec: Spec, rng: np.random.Generator) -> Pixels:
    """Draw a spec at a random place, size and angle, on a random background.

    Returns:
        uint8 [SIZE, SIZE, 3].
    """
    angle = rng.uniform(-0.45, 0.45)
    radius = _FINE * rng.uniform(0.27, 0.42)
    centre = rng.uniform(radius, _FINE - radius, 2).astype(np.float32)
    mask = _mask(spec.shape, centre, radius, angle)
    base = np.clip(np.array(COLOURS[spec.colour]) + rng.normal(0, 7, 3), 0, 255).astype(np.float32)
    # Marks are darker on a light colour and lighter on a dark one.
    marks = base * 0.35 if base @ (0.3, 0.59, 0.11) > 110 else base * 0.35 + 255 * 0.65
    share = _marks(spec.pattern, mask, centre, radius, angle, rng)[..., None]
    figure = base * (1 - share) + marks * share
    light = 1 + rng.uniform(-0.12, 0.12) * _ramp(rng)[..., None]
    inside = mask[..., None]
    fine = _background(base, rng) * (1 - inside) + figure * light * inside
    picture = fine.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3))
    noise = rng.standard_normal(picture.shape, np.float32) * rng.uniform(0, 3)
    drawn: Pixels = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return drawn


def _background(base: Grid, rng: np.random.Generator) -> Grid:
    """A gradient of two muted colours, neither near the figure's: float [_FINE, _FINE, 3]."""
    ends: list[Grid] = []
    while len(ends) < 2:
        end = (rng.uniform(40, 235) + rng.normal(0, 18, 3)).astype(np.float32)
        if np.abs(end - base).max() > 70:
            ends.append(end)
    mix = (_ramp(rng)[..., None] + 1) / 2
    blotches = np.kron(rng.standard_normal((8, 8), np.float32) * 6, np.ones((_FINE // 8, _FINE // 8), np.float32))
    background: Grid = ends[0] * mix + ends[1] * (1 - mix) + blotches[..., None]
    return background


def _ramp(rng: np.random.Generator) -> Grid:
    """From -1 on one side to 1 on the other, in a random direction: float [_FINE, _FINE]."""
    direction = rng.uniform(0, 2 * math.pi)
    ramp = (_X * (math.cos(direction) / _FINE) + _Y * (math.sin(direction) / _FINE)) * 1.41
    centred: Grid = ramp - ramp[_FINE // 2, _FINE // 2]
    return centred


def _mask(shape: str, centre: Grid, radius: float, angle: float) -> Grid:
    """1 inside the shape, 0 outside: float [_FINE, _FINE]."""
    image = Image.new("L", (_FINE, _FINE))
    draw = ImageDraw.Draw(image)

    def place(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        return [(float(x), float(y)) for x, y in np.array(points) @ rotation.T * radius + centre]

    def disc(x: float, y: float, r: float, fill: int) -> None:
        ((u, v),) = place([(x, y)])
        draw.ellipse((u - r * radius, v - r * radius, u + r * radius, v + r * radius), fill=fill)

    if shape in ("circle", "ring", "crescent"):
        disc(0, 0, 1, 255)
        if shape == "ring":
            disc(0, 0, 0.52, 0)
        elif shape == "crescent":
            disc(0.5, 0, 0.85, 0)
    else:
        draw.polygon(place(_outline(shape)), fill=255)
    return np.asarray(image, np.float32) / 255


def _outline(shape: str) -> list[tuple[float, float]]:
    if shape == "square":
        return [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)]
    if shape == "triangle":
        return _spokes([1.0] * 3)
    if shape == "hexagon":
        return _spokes([1.0] * 6)
    if shape == "star":
        return _spokes([1.0, 0.42] * 5)
    if shape == "cross":
        a, b = 0.33, 1.0
        return [
            (-a, -b),
            (a, -b),
            (a, -a),
            (b, -a),
            (b, a),
            (a, a),
            (a, b),
            (-a, b),
            (-a, a),
            (-b, a),
            (-b, -a),
            (-a, -a),
        ]
    if shape == "arrow":
        return [(-1, -0.3), (0.1, -0.3), (0.1, -0.85), (1, 0), (0.1, 0.85), (0.1, 0.3), (-1, 0.3)]
    turns = np.linspace(0, 2 * math.pi, 60)  # heart
    x = np.sin(turns) ** 3
    y = -(13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns)) / 16
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _spokes(lengths: list[float]) -> list[tuple[float, float]]:
    step = 2 * math.pi / len(lengths)
    return [(r * math.sin(i * step), -r * math.cos(i * step)) for i, r in enumerate(lengths)]


def _marks(pattern: str, mask: Grid, centre: Grid, radius: float, angle: float, rng: np.random.Generator) -> Grid:
    """Where the pattern has its second colour: float 0..1 [_FINE, _FINE]."""
    if pattern == "plain":
        return np.zeros_like(mask)
    if pattern == "bordered":
        inner = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.MinFilter(9))
        return 1 - np.asarray(inner, np.float32) / 255
    tilt = angle + (rng.choice([0, math.pi / 2, math.pi / 4]) if pattern == "striped" else 0)
    cosine, sine = math.cos(tilt) / radius, math.sin(tilt) / radius
    x, y = _X - centre[0], _Y - centre[1]
    u, v = x * cosine + y * sine, y * cosine - x * sine
    pitch = rng.uniform(0.42, 0.56)
    if pattern == "striped":
        on = np.mod(u, pitch) < pitch * 0.45
    elif pattern == "checked":
        on = np.mod(np.floor(u / (pitch * 0.72)) + np.floor(v / (pitch * 0.72)), 2) < 1
    else:
        on = np.hypot(np.mod(u, pitch) - pitch / 2, np.mod(v, pitch) - pitch / 2) < pitch * 0.27
    share: Grid = on.astype(np.float32)
    return share
