"""Light as one finds it at home: a window, a ceiling lamp, a phone's flash, a dim evening."""

from __future__ import annotations

import numpy as np

from sample.light import Rig, Softbox, rig
from sample.pixels import Field


def window(rng: np.random.Generator, side: float) -> Rig:
    """Daylight from one side; `side` is -1 for the left, 1 for the right."""
    towards = (side * float(rng.uniform(0.7, 1.2)), float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.15, 0.7)))
    power = float(rng.uniform(0.75, 1.05))
    return rig(
        key=towards,
        key_power=(power * 0.97, power, power * 1.02),
        key_width=16,
        dome_power=(0.26, 0.27, 0.29),
        bounce_power=(0.17, 0.16, 0.14),
        boxes=(Softbox(towards, (0.42, 0.55), 7.0, bars=True),),
        key_count=10,
        dome_count=18,
    )


def ceiling_lamp(rng: np.random.Generator, side: float) -> Rig:
    """Warm light from above."""
    towards = (side * float(rng.uniform(0.1, 0.5)), 1.0, float(rng.uniform(-0.1, 0.6)))
    power = float(rng.uniform(0.7, 1.0))
    return rig(
        key=towards,
        key_power=(power, power * 0.78, power * 0.50),
        key_width=9,
        dome_power=(0.25, 0.20, 0.14),
        bounce_power=(0.15, 0.11, 0.07),
        boxes=(Softbox(towards, (0.16, 0.16), 9.0),),
        key_count=8,
        dome_count=18,
    )


def flash(back: Field, side: float) -> Rig:
    """The hard light of a phone held in a dark room; `back` points from the thing to the phone."""
    towards = (float(back[0]) + side * 0.10, float(back[1]) + 0.12, float(back[2]))
    return rig(
        key=towards,
        key_power=(0.92, 0.95, 1.0),
        key_width=2.5,
        dome_power=(0.12, 0.11, 0.10),
        bounce_power=(0.08, 0.07, 0.06),
        boxes=(Softbox(towards, (0.04, 0.04), 30.0),),
        key_count=4,
        dome_count=18,
    )


def evening(rng: np.random.Generator, side: float) -> Rig:
    """Little light, from a lamp low at one side."""
    towards = (side, float(rng.uniform(0.25, 0.5)), float(rng.uniform(0.2, 0.6)))
    return rig(
        key=towards,
        key_power=(0.62, 0.42, 0.22),
        key_width=14,
        dome_power=(0.10, 0.095, 0.10),
        bounce_power=(0.05, 0.045, 0.04),
        boxes=(Softbox(towards, (0.2, 0.25), 5.0),),
        key_count=8,
        dome_count=18,
    )


def found(rng: np.random.Generator, back: Field) -> Rig:
    """One of them, by chance."""
    side = float(rng.choice([-1.0, 1.0]))
    kind = rng.choice(["window", "window", "lamp", "flash", "evening"])
    if kind == "window":
        return window(rng, side)
    if kind == "lamp":
        return ceiling_lamp(rng, side)
    return flash(back, side) if kind == "flash" else evening(rng, side)
