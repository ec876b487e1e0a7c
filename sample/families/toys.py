"""Plush toys: sewn from rounded parts, covered with pile, wearing a printed scarf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sample.family import Design, Family, Fur, View, combine
from sample.materials import fleece_shade, relief, woven
from sample.mesh import Patch, Shape, ball, curve, move, rotation, tube
from sample.palettes import Colour, colour, plain
from sample.patterns import draw_print
from sample.pixels import field
from sample.render import Material, Surface

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Coat:
    """A toy's colours: main pile, pale parts, dark parts, and the scarf's colourway."""

    main: Colour
    pale: Colour
    dark: Colour
    scarf: str


COATS: dict[str, Coat] = {
    "honey": Coat(colour("#c98f4e"), colour("#f2dcb4"), colour("#6d4523"), "cherry"),
    "cream": Coat(colour("#eadfc8"), colour("#fbf5e8"), colour("#b7986d"), "ink blue"),
    "grey": Coat(colour("#98999c"), colour("#dfdedb"), colour("#565a61"), "mustard"),
    "chocolate": Coat(colour("#6b452d"), colour("#c79c74"), colour("#38220f"), "mint"),
    "rose": Coat(colour("#e2a0a8"), colour("#f8dfdc"), colour("#b0646f"), "lilac"),
    "sky": Coat(colour("#86b0d1"), colour("#e6eff4"), colour("#4a7599"), "coral"),
    "ginger": Coat(colour("#cf6a2c"), colour("#f7ead8"), colour("#3b2418"), "teal"),
    "panda": Coat(colour("#f2efe9"), colour("#faf8f3"), colour("#26272a"), "emerald"),
}


def _pair(make: Callable[[float], Patch]) -> Shape:
    return make(-1.0), make(1.0)


def _limb(
    slot: str, at: Point, radii: Point, side: float, roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0
) -> Patch:
    turn = rotation(yaw * side, pitch, roll * side)
    return ball(slot, (at[0] * side, at[1], at[2]), radii, turn)


def _torso(limb: str = "fur") -> Shape:
    """Body, arms and legs of a toy that sits, with its foot pads."""
    return (
        ball("fur", (0, 0.088, 0), (0.074, 0.088, 0.066)),
        ball("belly", (0, 0.082, 0.017), (0.053, 0.066, 0.056)),
        *_pair(lambda s: _limb(limb, (0.083, 0.105, 0.026), (0.027, 0.057, 0.028), s, roll=24, pitch=-28)),
        *_pair(lambda s: _limb(limb, (0.058, 0.034, 0.078), (0.034, 0.034, 0.062), s, yaw=16)),
        *_pair(lambda s: _limb("pad", (0.071, 0.036, 0.130), (0.025, 0.026, 0.013), s, yaw=16)),
    )


def _face(
    muzzle: Point = (0.036, 0.027, 0.027), muzzle_at: Point = (0, 0.190, 0.060), nose: Point = (0.0125, 0.009, 0.009)
) -> Shape:
    """Muzzle, nose, mouth and eyes."""
    tip = (0.0, muzzle_at[1] + muzzle[1] * 0.45, muzzle_at[2] + muzzle[2] * 0.86)
    low = muzzle_at[1] - muzzle[1] * 0.38
    front = muzzle_at[2] + muzzle[2] * 0.98
    smile = curve(
        [
            (-0.013, low + 0.004, front - 0.004),
            (-0.006, low - 0.002, front),
            (0, low + 0.004, front + 0.002),
            (0.006, low - 0.002, front),
            (0.013, low + 0.004, front - 0.004),
        ],
        28,
    )
    line = curve([(0, tip[1] - 0.006, tip[2] + 0.004), (0, low + 0.004, front + 0.002)], 8)
    return (
        ball("muzzle", muzzle_at, muzzle),
        ball("nose", tip, nose),
        tube("thread", smile, 0.0013, 8),
        tube("thread", line, 0.0013, 8),
        *_pair(lambda s: ball("eye", (0.0285 * s, 0.2165, 0.0585), (0.0085, 0.0090, 0.0075))),
    )


def _round_ear(at: Point, radius: float, thick: float = 0.014) -> Shape:
    return (
        *_pair(lambda s: ball("fur", (at[0] * s, at[1], at[2]), (radius, radius, thick), rotation(yaw=18 * s))),
        *_pair(
            lambda s: ball(
                "ear",
                (at[0] * s * 1.005, at[1] - 0.001, at[2] + thick * 0.55),
                (radius * 0.66, radius * 0.66, thick * 0.7),
                rotation(yaw=18 * s),
            )
        ),
    )


def _scarf() -> Shape:
    angle = np.linspace(0, 2 * np.pi, 60)
    ring = np.stack([0.055 * np.sin(angle), 0.151 - 0.006 * np.cos(angle), 0.004 + 0.053 * np.cos(angle)], -1)
    tail = curve([(0.018, 0.150, 0.058), (0.026, 0.128, 0.070), (0.030, 0.098, 0.078), (0.034, 0.072, 0.082)], 24)
    return (
        tube("scarf", field(ring), 0.0145, 14, 0.75, up=(0, 1, 0.01), box=(0, 0, 1.4, 7.0)),
        tube("scarf", tail, field(np.linspace(0.010, 0.017, 24)), 14, 0.32, box=(0, 0, 1.2, 1.9)),
        ball("scarf", (0.016, 0.149, 0.060), (0.016, 0.014, 0.011), rows=12, cols=16, box=(0, 0, 0.8, 0.6)),
    )


def _head(radii: Point = (0.069, 0.062, 0.060)) -> Shape:
    return (ball("fur", (0, 0.206, 0.008), radii, rows=30, cols=44),)


def _bear() -> Shape:
    return (*_torso(), *_head(), *_face(), *_round_ear((0.052, 0.258, 0.0), 0.025))


def _panda() -> Shape:
    patches = _pair(
        lambda s: ball("dark", (0.0295 * s, 0.2135, 0.0505), (0.016, 0.020, 0.0125), rotation(roll=-24 * s))
    )
    ears = _pair(lambda s: ball("dark", (0.052 * s, 0.258, 0.0), (0.025, 0.025, 0.014), rotation(yaw=18 * s)))
    eyes = _pair(lambda s: ball("eye", (0.0285 * s, 0.2165, 0.0610), (0.0072, 0.0076, 0.0065)))
    face = tuple(p for p in _face() if p.slot != "eye")
    return (*_torso("dark"), *_head(), *face, *patches, *eyes, *ears)


def _rabbit() -> Shape:
    def ear(s: float) -> Patch:
        return ball(
            "fur", (0.034 * s, 0.316, -0.006), (0.020, 0.066, 0.011), rotation(roll=-13 * s, pitch=-8, yaw=10 * s)
        )

    def inner(s: float) -> Patch:
        return ball(
            "ear", (0.0345 * s, 0.314, 0.0015), (0.0115, 0.052, 0.008), rotation(roll=-13 * s, pitch=-8, yaw=10 * s)
        )

    tail = ball("pale", (0, 0.045, -0.072), (0.027, 0.027, 0.025))
    face = _face((0.031, 0.023, 0.023), (0, 0.188, 0.059), (0.009, 0.0065, 0.007))
    return (*_torso(), *_head((0.063, 0.060, 0.058)), *face, *_pair(ear), *_pair(inner), tail)


def _cone(slot: str, root: Point, tip: Point, radius: float, flat: float) -> Patch:
    """A pointed ear."""
    path = curve([root, [(a + b) / 2 for a, b in zip(root, tip, strict=True)], tip], 20)
    t = np.linspace(0, 1, 20)
    return tube(slot, path, field(radius * np.sqrt(np.maximum(1 - t**1.7, 0)) + 0.0012), 18, flat)


def _cat() -> Shape:
    ears = _pair(lambda s: _cone("fur", (0.040 * s, 0.243, 0.004), (0.056 * s, 0.296, 0.002), 0.025, 0.5))
    inner = _pair(lambda s: _cone("ear", (0.041 * s, 0.246, 0.012), (0.0545 * s, 0.286, 0.008), 0.015, 0.4))
    tail = tube(
        "fur",
        curve([(0.03, 0.03, -0.06), (0.09, 0.03, -0.07), (0.125, 0.07, -0.05), (0.125, 0.12, -0.045)], 40),
        0.014,
        16,
    )
    return (
        *_torso(),
        *_head((0.071, 0.058, 0.058)),
        *_face((0.033, 0.021, 0.022), (0, 0.188, 0.059), (0.008, 0.006, 0.007)),
        *ears,
        *inner,
        tail,
    )


def _fox() -> Shape:
    ears = _pair(lambda s: _cone("fur", (0.043 * s, 0.240, 0.0), (0.064 * s, 0.308, -0.004), 0.030, 0.45))
    inner = _pair(lambda s: _cone("dark", (0.0435 * s, 0.246, 0.009), (0.062 * s, 0.298, 0.003), 0.018, 0.35))
    cheeks = _pair(lambda s: ball("pale", (0.036 * s, 0.190, 0.040), (0.034, 0.026, 0.026), rotation(yaw=28 * s)))
    tail = tube(
        "fur",
        curve([(0.02, 0.035, -0.060), (0.09, 0.040, -0.085), (0.150, 0.090, -0.070), (0.158, 0.165, -0.050)], 40),
        field(0.012 + 0.027 * np.sin(np.linspace(0, np.pi * 0.8, 40))),
        18,
    )
    tip = ball("pale", (0.158, 0.180, -0.048), (0.026, 0.036, 0.026))
    return (
        *_torso(),
        *_head((0.068, 0.056, 0.058)),
        *_face((0.024, 0.021, 0.036), (0, 0.188, 0.062), (0.009, 0.008, 0.008)),
        *ears,
        *inner,
        *cheeks,
        tail,
        tip,
    )


def _elephant() -> Shape:
    ears = _pair(
        lambda s: ball("fur", (0.093 * s, 0.210, -0.006), (0.052, 0.058, 0.013), rotation(yaw=24 * s, roll=-8 * s))
    )
    inner = _pair(
        lambda s: ball("ear", (0.0945 * s, 0.209, 0.003), (0.039, 0.045, 0.010), rotation(yaw=24 * s, roll=-8 * s))
    )
    trunk = curve(
        [
            (0, 0.205, 0.052),
            (0, 0.188, 0.088),
            (0, 0.158, 0.106),
            (0, 0.130, 0.112),
            (0, 0.112, 0.124),
            (0, 0.112, 0.140),
        ],
        50,
    )
    nose = tube("fur", trunk, field(np.append(np.linspace(0.027, 0.015, 48), [0.012, 0.004])), 22)
    eyes = _pair(lambda s: ball("eye", (0.036 * s, 0.2205, 0.0545), (0.0078, 0.0082, 0.007)))
    return (*_torso(), *_head((0.066, 0.061, 0.060)), nose, *eyes, *ears, *inner)


def _dog() -> Shape:
    ears = _pair(
        lambda s: ball("dark", (0.071 * s, 0.205, 0.010), (0.015, 0.048, 0.029), rotation(roll=17 * s, pitch=-6))
    )
    patch = ball("dark", (0.028, 0.2175, 0.046), (0.021, 0.023, 0.0165), rotation(roll=-14))
    tail = tube(
        "fur",
        curve([(0, 0.05, -0.06), (0.03, 0.08, -0.09), (0.06, 0.12, -0.085)], 30),
        field(np.linspace(0.013, 0.008, 30)),
        14,
    )
    return (
        *_torso(),
        *_head(),
        *_face((0.038, 0.028, 0.032), (0, 0.189, 0.060), (0.014, 0.010, 0.010)),
        *ears,
        patch,
        tail,
    )


_SPECIES: dict[str, Callable[[], Shape]] = {
    "bear": _bear,
    "panda": _panda,
    "rabbit": _rabbit,
    "cat": _cat,
    "fox": _fox,
    "elephant": _elephant,
    "dog": _dog,
}


@lru_cache(maxsize=8)
def _shape(variant: str, _: str) -> Shape:
    return move((*_SPECIES[variant](), *_scarf()), rest=True)


@lru_cache(maxsize=32)
def _surfaces(design: Design) -> Mapping[str, Surface]:
    coat = COATS[design.way]
    cloth = Material(sheen=0.5)

    def pile(tone: Colour) -> Surface:
        return Surface(relief(plain(tone, 256), fleece_shade(256, 0.16)), cloth, (2.0, 2.0))

    glass = Material(shine=1.8, softness=0.05)
    scarf = woven(draw_print(design.art, coat.scarf, size=256), 64, 0.3)
    ear = coat.pale if design.variant != "rabbit" else colour("#f0b9b6")
    return {
        "fur": pile(coat.main),
        "belly": pile(coat.pale if design.variant in ("fox", "cat", "dog", "rabbit") else coat.main),
        "muzzle": pile(coat.pale if design.variant != "elephant" else coat.main),
        "pale": pile(coat.pale),
        "dark": pile(coat.dark),
        "ear": Surface(relief(plain(ear, 256), fleece_shade(256, 0.08)), cloth),
        "pad": Surface(
            relief(plain(coat.pale if design.variant != "panda" else coat.dark, 256), fleece_shade(256, 0.08)), cloth
        ),
        "nose": Surface(plain(colour("#2a211f")), Material(shine=1.2, softness=0.3)),
        "eye": Surface(plain(colour("#120e0d")), glass),
        "thread": Surface(plain(colour("#3a2a24"))),
        "scarf": Surface(scarf, cloth),
    }


def _title(design: Design) -> str:
    return f"Plush {design.variant}, {design.way}, with {design.art} scarf, 25 cm"


_PILE = Fur(0.0072, 1.0, 0.25)
_SHORT = Fur(0.0045, 0.9, 0.2)

TOYS = Family(
    name="toy",
    category="Toys > Plush toys",
    designs=combine(
        "toy",
        (
            ("bear", "gingham, dot", "honey, chocolate"),
            ("rabbit", "ditsy, stripe", "grey, rose"),
            ("elephant", "star, zigzag", "sky, grey"),
            ("fox", "tartan, windowpane", "ginger"),
            ("cat", "heart, checkerboard", "grey"),
            ("dog", "awning, argyle", "cream, honey"),
            ("panda", "terrazzo, dot", "panda"),
        ),
    ),
    title=_title,
    shape=_shape,
    surfaces=_surfaces,
    views=(View(-18, 9), View(32, 14)),
    setting="soft",
    price=(9.0, 32.0),
    fur=dict.fromkeys(("fur", "pale", "dark"), _PILE) | {"belly": _SHORT, "muzzle": _SHORT},
)
